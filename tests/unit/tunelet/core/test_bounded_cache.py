"""The objects that a cache keeps within its bounds, and the order in which it drops them."""

from tunelet.core.bounded_cache import BoundedCache


def filled(cache: BoundedCache[str, int], weights: dict[str, int]) -> list[str]:
    """The keys that are left after values of these weights were put."""
    for key, weight in weights.items():
        cache.put(key, weight, weight)
    return [key for key in weights if cache.get(key) is not None]


def test_the_oldest_value_goes_when_there_are_too_many() -> None:
    assert filled(BoundedCache(count=2), {"a": 1, "b": 1, "c": 1}) == ["b", "c"]


def test_the_oldest_values_go_when_all_weigh_too_much() -> None:
    assert filled(BoundedCache(weight=10), {"a": 3, "b": 3, "c": 4}) == ["a", "b", "c"]
    assert filled(BoundedCache(weight=10), {"a": 3, "b": 3, "c": 4, "d": 4}) == ["c", "d"]


def test_a_value_that_weighs_too_much_alone_is_not_kept() -> None:
    assert filled(BoundedCache(weight=10), {"a": 3, "b": 11}) == []


def test_the_newest_value_is_kept_whatever_it_weighs_if_one_at_least_stays() -> None:
    cache = BoundedCache[str, int](weight=10, least=1)
    assert filled(cache, {"a": 3, "b": 11}) == ["b"]
    assert filled(cache, {"c": 1}) == ["c"]
    assert cache.get("b") is None


def test_a_value_that_is_put_again_is_the_newest_with_its_new_weight() -> None:
    cache = BoundedCache[str, int](weight=10)
    filled(cache, {"a": 5, "b": 5})
    cache.put("a", 1, weight=1)
    assert filled(cache, {"c": 4}) == ["c"]
    assert list(cache.values()) == [5, 1, 4]
    cache.put("d", 5, weight=5)
    assert list(cache.values()) == [1, 4, 5]


def test_looking_a_value_up_does_not_make_it_newer() -> None:
    cache = BoundedCache[str, int](count=2)
    filled(cache, {"a": 1, "b": 1})
    assert cache.get("a") == 1
    cache.put("c", 1)
    assert cache.get("a") is None


def test_taken_and_cleared_objects_have_no_weight() -> None:
    cache = BoundedCache[str, int](weight=10)
    filled(cache, {"a": 10})
    assert cache.take("a") == 10
    assert cache.take("a") is None
    assert filled(cache, {"b": 5, "c": 5}) == ["b", "c"]
    cache.clear()
    assert list(cache.values()) == []
    assert filled(cache, {"d": 10}) == ["d"]
