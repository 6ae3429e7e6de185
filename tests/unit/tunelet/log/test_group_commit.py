"""A served caller continues at once, while others wait."""

import threading

from tunelet.log.shared_turn import Turns


def test_one_thread_holds_the_turn_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    def act() -> None:
        nonlocal inside, most
        for _ in range(50):
            with turns.unless(lambda: False) as mine:
                assert mine
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_work_that_another_has_done_is_not_waited_for() -> None:
    turns, done = Turns(), threading.Event()
    found: list[bool] = []

    def wait() -> None:
        with turns.unless(done.is_set) as mine:
            found.append(mine)

    waiting = threading.Thread(target=wait)
    with turns.unless(lambda: False):
        waiting.start()
        done.set()
    waiting.join(10)
    assert found == [False]


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns()
    try:
        with turns.unless(lambda: False):
            raise KeyError
    except KeyError:
        pass
    with turns.unless(lambda: False) as mine:
        assert mine
