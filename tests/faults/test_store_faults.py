"""Sixteen writers on one log, on real servers, and a quarter of all requests go wrong.

No operation may be lost, none may stand twice, and none that was reported failed may
stand. Two rules that are simpler than the protocol's fail here: they are the controls.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from adapters.storage import open_store
from tests.faults.proxy import proxied
from tunelet.chain import entry_key
from tunelet.commands import Enqueue, Submit
from tunelet.entry import decode
from tunelet.errors import CommitUnknown, Retry
from tunelet.events import TrialsCreated
from tunelet.journal import Journal
from tunelet.ports import Store

WRITERS = 16
EACH = 4
PATIENCE_SECONDS = 300.0
SPEC: dict[str, Any] = {
    "name": "e",
    "namespace": "default",
    "objectives": [{"metric": "objective", "direction": "minimize", "goal": None}],
    "max_trials": 10_000,
    "parallel_trials": 4,
    "max_attempts": 3,
    "enqueue": [],
}
SERVERS = {
    "TUNELET_TEST_S3_URL": "AWS_ENDPOINT_URL_S3",
    "TUNELET_TEST_GCS_URL": "STORAGE_EMULATOR_HOST",
    "TUNELET_TEST_AZURE_URL": "AZURE_STORAGE_CONNECTION_STRING",
}


class ExistsMeansLost(Journal):
    """Control: "the key exists" is taken for another's entry."""

    def _create(self, key: str, data: bytes, until: float) -> bool:
        while True:
            try:
                return self._store.create(key, data)
            except Retry:
                time.sleep(0.01)


class DoubtMeansFailed(Journal):
    """Control: an answer that is no answer is taken for a failure."""

    def _create(self, key: str, data: bytes, until: float) -> bool:
        if self._store.create(key, data):
            return True
        standing = self._store.get(key)
        return standing is not None and standing.data == data


class Found(NamedTuple):
    lost: int
    twice: int
    failed_but_stands: int
    unknown: int


class Writer:
    """One instance of the service with a log of its own making over the store."""

    def __init__(self, journal: Journal, number: int) -> None:
        self._journal, self._number = journal, number
        self.acknowledged: set[str] = set()
        self.failed: set[str] = set()
        self.unknown: set[str] = set()

    def run(self) -> None:
        for turn in range(EACH):
            self._operate(f"{self._number}-{turn}")

    def _operate(self, name: str) -> None:
        """A new operation under a new name for each try, so that each try can be looked for."""
        until = time.monotonic() + PATIENCE_SECONDS
        for tries in range(10_000):
            operation = f"{name}-{tries}"
            try:
                self._journal.commit(Enqueue(({"operation": operation},)))
                self.acknowledged.add(operation)
                return
            except CommitUnknown:
                self.unknown.add(operation)
                return
            except Retry:
                self.failed.add(operation)
            assert time.monotonic() < until, "no end of faults"


@pytest.fixture(params=SERVERS)
def faulty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The URL of a prefix of its own; what is opened below it goes through a faulty proxy."""
    url, endpoint = os.environ.get(request.param), SERVERS[request.param]
    if not url:
        pytest.skip(f"{request.param} names no bucket (make test-stores says what is needed)")
    url = f"{url.rstrip('/')}/{uuid4().hex}"
    found = re.search(r"http://([^/;]+)", os.environ.get(endpoint, ""))
    if found is None:
        pytest.skip(f"{endpoint} names no server on this machine, and faults need one")
    calm = open_store(url)
    with proxied(found[1]) as proxy:
        monkeypatch.setenv(endpoint, os.environ[endpoint].replace(found[1], proxy.address))
        yield url, calm
        assert proxy.met.total() - proxy.met["requests"] > proxy.met["requests"] // 8


def operations(store: Store) -> Counter[str]:
    """The operations in the log, as they stand there, without the code that wrote them."""
    path = "v1/default/e/"
    found: Counter[str] = Counter()
    seq = 1
    while (stored := store.get(entry_key(path, seq))) is not None:
        for event in decode(stored.data, seq)[0].events:
            if isinstance(event, TrialsCreated):
                found.update(str(each["operation"]) for each in event.assignments)
        seq += 1
    return found


def contend(kind: Callable[..., Journal], url: str, calm: Store) -> Found:
    Journal(calm, "default", "e").commit(Submit("u", SPEC))
    writers = [
        Writer(kind(open_store(url), "default", "e", deadline=PATIENCE_SECONDS), number)
        for number in range(WRITERS)
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(writer.run) for writer in writers]:
            done.result()
    stand = operations(calm)
    acknowledged = {name for writer in writers for name in writer.acknowledged}
    failed = {name for writer in writers for name in writer.failed}
    return Found(
        lost=len(acknowledged - stand.keys()),
        twice=sum(count > 1 for count in stand.values()),
        failed_but_stands=len(failed & stand.keys()),
        unknown=sum(len(writer.unknown) for writer in writers),
    )


@pytest.mark.stores
def test_nothing_is_lost_or_doubled_and_what_failed_does_not_stand(faulty: Any) -> None:
    found = contend(Journal, *faulty)
    print(found)
    assert found == Found(lost=0, twice=0, failed_but_stands=0, unknown=0)


@pytest.mark.stores
def test_to_believe_that_a_key_exists_doubles_operations(faulty: Any) -> None:
    found = contend(ExistsMeansLost, *faulty)
    print(found)
    assert found.twice > 0


@pytest.mark.stores
def test_to_take_doubt_for_failure_reports_failed_what_stands(faulty: Any) -> None:
    found = contend(DoubtMeansFailed, *faulty)
    print(found)
    assert found.failed_but_stands > 0
