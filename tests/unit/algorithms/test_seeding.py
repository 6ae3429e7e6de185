"""Libraries that draw from the generators of the whole process take turns."""

import random
from threading import Thread

import numpy
import pytest

from algorithms.seeding import seeded


def draw() -> None:
    with seeded(2):
        random.random()


def test_draws_of_a_library_do_not_depend_on_simultaneous_draws_of_another() -> None:
    with seeded(1):
        other = Thread(target=draw)
        other.start()
        other.join(0.2)  # it would have drawn by then, if it could
        drawn = random.random()
    other.join()
    assert drawn == random.Random(1).random()


def test_afterwards_the_generators_continue_as_if_nothing_had_been_drawn() -> None:
    def seed() -> None:
        random.seed(3)
        numpy.random.seed(3)

    seed()
    expected = random.random(), numpy.random.random()
    seed()
    with pytest.raises(ZeroDivisionError), seeded(7):
        raise ZeroDivisionError
    assert (random.random(), numpy.random.random()) == expected
