"""Taking turns between namespaces, and between the experiments of one."""

import pytest

from tunelet.core.turns import Turns, by_group, in_turns


def test_groups_take_turns_until_each_is_exhausted() -> None:
    assert in_turns([["a1", "a2", "a3"], ["b1"], [], ["c1", "c2"]]) == [
        *("a1", "b1", "c1"),
        *("a2", "c2"),
        "a3",
    ]


def test_items_of_a_group_keep_their_order() -> None:
    groups = by_group(["b2", "a1", "b1"], lambda item: item[0])
    assert list(groups.items()) == [("b", ["b2", "b1"]), ("a", ["a1"])]


def popped(turns: Turns[str]) -> list[str]:
    return [turns.pop() for _ in range(len(turns))]


def test_a_flood_of_one_namespace_delays_another_by_no_item() -> None:
    turns: Turns[str] = Turns()
    for number in range(10_000):
        turns.put("flood", f"e{number % 100}", f"{number}")
    assert turns.pop() == "0"
    turns.put("other", "e", "first")
    turns.put("other", "e", "second")
    assert [turns.pop() for _ in range(4)] == ["first", "1", "second", "2"]


def test_namespaces_that_are_passed_over_keep_their_turns() -> None:
    turns: Turns[str] = Turns()
    for item in ("a1", "a2", "b1", "b2", "c1"):
        turns.put(item[0], "e", item)
    assert turns.pop() == "a1"
    assert turns.pop_except({"b"}) == ("c", "c1")
    assert turns.pop_except(()) == ("b", "b1")
    with pytest.raises(IndexError):
        turns.pop_except({"a", "b"})
    assert popped(turns) == ["a2", "b2"]


def test_a_flood_of_one_experiment_delays_another_of_its_namespace_by_no_item() -> None:
    turns: Turns[str] = Turns()
    for number in range(10_000):
        turns.put("n", "flood", f"{number}")
    assert turns.pop() == "0"
    turns.put("n", "other", "first")
    assert [turns.pop() for _ in range(3)] == ["first", "1", "2"]


def test_new_namespaces_delay_those_that_wait_by_one_turn_only() -> None:
    turns: Turns[str] = Turns()
    for item in ("1", "2", "3"):
        turns.put("waiting", "e", item)
    assert turns.pop() == "1"
    seen = []
    for number in range(4):
        turns.put(f"new-{number}", "e", f"new-{number}")
        turns.put(f"newer-{number}", "e", f"newer-{number}")
        seen.append(turns.pop())
    assert seen == ["new-0", "newer-0", "2", "new-1"]


def test_a_namespace_that_comes_back_at_once_is_not_first_again() -> None:
    turns: Turns[str] = Turns()
    turns.put("a", "e", "a1")
    assert turns.pop() == "a1"
    turns.put("a", "e", "a2")
    turns.put("b", "e", "b1")
    assert popped(turns) == ["b1", "a2"]


def test_an_empty_queue_gives_nothing() -> None:
    turns: Turns[str] = Turns()
    turns.put("a", "e", "1")
    assert popped(turns) == ["1"]
    with pytest.raises(IndexError):
        turns.pop()
