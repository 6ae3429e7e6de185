"""Numbers of studies.

A study has a number, counted from 1 in its namespace. No other study gets this number, even after
the study is deleted. The number is claimed by creating an object, so that any number of processes
agree on it without a server:

    studies/{namespace}/{10^10-1-number:010d}.json    {"format":1,"name":"…","uid":"…"}

The newest number is first in a listing.
"""

import re
import threading
from hashlib import sha256

import msgspec

from tunelet.core.bounded_cache import BoundedCache
from tunelet.log.entry import FORMAT, check_format
from tunelet.ports import Store
from tunelet.text.limits import NAME

LARGEST = 10**10 - 1
_KEPT = 1024


class Named(msgspec.Struct, frozen=True):
    """The life of an experiment that has a study's number."""

    name: str
    uid: str
    format: int = FORMAT


_decoder = msgspec.json.Decoder(Named)


class Numbers:
    """The numbers of studies in a store. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = BoundedCache[tuple[str, int], Named](count=_KEPT)
        self._lock = threading.Lock()

    def claim(self, namespace: str, named: Named) -> int:
        """Claim the next number for a study that is about to begin."""
        data = msgspec.json.encode(named)
        number = self._newest(namespace) + 1
        while not self._store.create(_key(namespace, number), data):
            if self._read(namespace, number) == named:
                break  # the answer to this call was lost
            number += 1
        return number

    def find(self, namespace: str, number: int) -> Named | None:
        """Return the experiment of the study with this number; None if there is none."""
        with self._lock:
            known = self._known.get((namespace, number))
        if known is not None or not 0 < number <= LARGEST:
            return known
        found = self._read(namespace, number)
        if found is not None:
            with self._lock:
                self._known.put((namespace, number), found)
        return found

    def _newest(self, namespace: str) -> int:
        prefix = f"studies/{namespace}/"
        key = next(self._store.list(prefix, limit=1), None)
        if key is None:
            return 0
        return LARGEST - int(key.removeprefix(prefix).removesuffix(".json"))

    def _read(self, namespace: str, number: int) -> Named | None:
        stored = self._store.get(_key(namespace, number))
        if stored is None:
            return None
        check_format(stored.data, f"study {number}")
        return _decoder.decode(stored.data)


def experiment_name(study_name: str) -> str:
    """Return the name of the study's experiment: its own if valid, or else a similar one."""
    if re.fullmatch(NAME, study_name):
        return study_name
    like = re.sub("[^a-z0-9]+", "-", study_name.lower())[:24].strip("-")
    start = like if re.match("[a-z]", like) else f"study-{like}".strip("-")
    return f"{start}-{sha256(study_name.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _key(namespace: str, number: int) -> str:
    return f"studies/{namespace}/{LARGEST - number:010d}.json"
