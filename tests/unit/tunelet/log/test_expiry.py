"""When the sweep looks at an ended experiment that is to be deleted after a time."""

from adapters.storage.memory import MemoryStore
from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.log import expiry


def test_only_due_experiments_are_looked_at() -> None:
    store, story = MemoryStore(), Story(ttl_seconds_after_finished=10)
    story.now = 100.0
    expiry.note(store, story.does(c.Stop()).e)
    assert list(expiry.due(store, 109.0)) == []
    (expired,) = expiry.due(store, 111.0)
    assert expired == expiry.expiry(story.e)
    expiry.forget(store, expired)
    assert list(expiry.due(store, 111.0)) == []


def test_checkpoints_to_keep_are_never_looked_at() -> None:
    store = MemoryStore()
    expiry.note(store, Story(ttl_seconds_after_finished=None).does(c.Stop()).e)
    expiry.note(store, Story(ttl_seconds_after_finished=10).e)
    assert list(expiry.due(store, 1e12)) == []
