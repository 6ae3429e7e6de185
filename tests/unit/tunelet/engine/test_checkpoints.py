"""A checkpoint is the trial's own, whatever its training has written into the store."""

import pytest

from adapters.storage.memory import MemoryStore
from tunelet.core.run import Run
from tunelet.engine.checkpoints import Checkpoints
from tunelet.errors import Reject
from tunelet.log.keys import trial_prefix

CHILD = Run("a", "mine", "u1", 1, 1)
THEIRS = Run("b", "theirs", "u2", 0, 1)


def test_a_child_continues_from_its_own_copy() -> None:
    store = MemoryStore()
    store.put(f"{trial_prefix(CHILD._replace(number=0))}/epoch", b"7")
    checkpoints = Checkpoints(store)
    url = checkpoints.url(CHILD, 0)
    assert url == checkpoints.url(CHILD, 0)
    assert checkpoints.part(CHILD, 0, "epoch", 0, 10) == b"7"


@pytest.mark.parametrize(
    "place",
    [
        trial_prefix(THEIRS),
        trial_prefix(CHILD._replace(number=0)),
        f"{trial_prefix(CHILD)}-0a1b2c3d/../../../../b/theirs",
        f"{trial_prefix(CHILD)}0-0a1b2c3d",
        "v1",
        "\udcff".encode(errors="surrogateescape").decode(errors="replace"),
    ],
)
def test_a_forged_place_shows_no_other_part_of_the_store(place: str) -> None:
    """Training code may write beside its checkpoint, with the service as its deputy."""
    store = MemoryStore()
    store.put(f"{trial_prefix(THEIRS)}/secret", b"theirs")
    store.put(f"{trial_prefix(CHILD)}.place", place.encode())
    checkpoints = Checkpoints(store)
    with pytest.raises(Reject):
        list(checkpoints.files(CHILD, 0)("", 10))
    with pytest.raises(Reject):
        checkpoints.part(CHILD, 0, "secret", 0, 10)
    with pytest.raises(Reject):
        checkpoints.url(CHILD, 0)
