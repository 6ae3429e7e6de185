"""Libraries that draw from the generators of the whole process take turns."""

import random
from threading import Thread

from algorithms.seeding import seeded


def draw() -> None:
    with seeded(2):
        random.random()


def test_what_a_library_draws_does_not_depend_on_another_that_is_asked_meanwhile() -> None:
    with seeded(1):
        other = Thread(target=draw)
        other.start()
        other.join(0.2)  # it would have drawn by then, if it could
        drawn = random.random()
    other.join()
    assert drawn == random.Random(1).random()
