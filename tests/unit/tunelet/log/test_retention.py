"""When the sweep looks at an ended experiment that is to be deleted after a time."""

from adapters.storage.memory import MemoryStore
from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.log import retention


def test_those_alone_are_looked_at_that_are_due() -> None:
    store, story = MemoryStore(), Story(ttl_seconds_after_finished=10)
    story.now = 100.0
    retention.note(store, story.does(c.Stop()).e)
    assert list(retention.due(store, 109.0)) == []
    (expired,) = retention.due(store, 111.0)
    assert expired == retention.expiry(story.e)
    retention.forget(store, expired)
    assert list(retention.due(store, 111.0)) == []


def test_what_is_to_be_kept_is_never_looked_at() -> None:
    store = MemoryStore()
    retention.note(store, Story(ttl_seconds_after_finished=None).does(c.Stop()).e)
    retention.note(store, Story(ttl_seconds_after_finished=10).e)
    assert list(retention.due(store, 1e12)) == []
