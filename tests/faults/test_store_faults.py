"""Sixteen writers on one log, on real servers, and a quarter of all requests go wrong.

No operation may be lost, none may stand twice, and none that was reported failed may
stand. Two rules that are simpler than the protocol's fail here: they are the controls, each
given a few runs, for a run in which no answer is lost at the wrong moment is possible.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google

from adapters.storage import open_store
from tests.faults.proxy import proxied
from tests.specs import SPEC
from tunelet.core.commands import Enqueue, Submit
from tunelet.core.events import TrialsCreated
from tunelet.errors import CommitUnknown, Retry
from tunelet.log.entry import decode
from tunelet.log.journal import Journal
from tunelet.log.reader import entry_key
from tunelet.log.writer import Writer as LogWriter
from tunelet.ports import Store

WRITERS = 16
EACH = 4
UID = "u"
PATIENCE_SECONDS = 300.0
CONTROL_RUNS = 4
_S3 = ("TUNELET_TEST_S3_URL", "AWS_ENDPOINT_URL_S3")
_GCS = ("TUNELET_TEST_GCS_URL", "STORAGE_EMULATOR_HOST")
_AZURE = ("TUNELET_TEST_AZURE_URL", "AZURE_STORAGE_CONNECTION_STRING")
SERVERS = {"boto3": _S3, "obstore-s3": _S3, "google": _GCS, "azure": _AZURE, "obstore-az": _AZURE}


class ExistsMeansLost(LogWriter):
    """Control: "the key exists" is taken for another's entry."""

    def _create(self, key: str, data: bytes, until: float) -> bool:
        while True:
            try:
                return self._store.create(key, data)
            except Retry:
                time.sleep(0.01)


class DoubtMeansFailed(LogWriter):
    """Control: an unknown outcome is taken for a failure."""

    def _create(self, key: str, data: bytes, until: float) -> bool:
        if self._store.create(key, data):
            return True
        standing = self._store.get(key)
        return standing is not None and standing.data == data


def mistaken(kind: type[LogWriter]) -> Callable[..., Journal]:
    """Makes journals that create entries by this rule."""

    def journal(store: Store, *where: str, **options: float) -> Journal:
        found = Journal(store, *where, **options)  # type: ignore[arg-type]
        found._committer._writer = kind(store, found.path, found._tail, time.sleep)
        return found

    return journal


class Found(NamedTuple):
    lost: int
    twice: int
    failed_but_stands: int
    unknown: int


class Writer:
    """One instance of the service with a log of its own making over the store."""

    def __init__(self, journal: Journal, number: int, keyed: bool) -> None:
        self._journal, self._number, self._keyed = journal, number, keyed
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
                self._commit(operation)
                self.acknowledged.add(operation)
                return
            except CommitUnknown:
                self.unknown.add(operation)
                return
            except Retry:
                self.failed.add(operation)
            assert time.monotonic() < until, "no end of faults"

    def _commit(self, operation: str) -> None:
        """With a key it may be left in the inbox for others to write; without one it may not."""
        assignment: tuple[Any, ...] = ({"operation": operation},)
        if self._keyed:
            self._journal.commit(Enqueue(assignment, operation), uid=UID)
        else:
            self._journal.commit(Enqueue(assignment))


class Faulty(NamedTuple):
    """A bucket reached through a proxy that makes requests fail."""

    url: str
    """Of the bucket."""
    client: str
    proxied: dict[str, str]
    """The environment in which it is reached through the proxy."""

    def prefix(self) -> str:
        return f"{self.url}/{uuid4().hex}?client={self.client}"


def new_bucket() -> str:
    """Its own for each test, since Google's server reads a whole bucket to list a folder."""
    client = google.Client(project="tunelet", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    return str(client.create_bucket(f"faults-{uuid4().hex}").name)


def behind(client: str) -> Iterator[Faulty]:
    variable, endpoint = SERVERS[client]
    url = os.environ.get(variable)
    if not url:
        pytest.skip(f"{variable} names no bucket (make test-stores says what is needed)")
    found = re.search(r"http://([^/;]+)", os.environ.get(endpoint, ""))
    if found is None:
        pytest.skip(f"{endpoint} names no server on this machine, and faults need one")
    if client == "google":
        url = f"gs://{new_bucket()}"
    with proxied(found[1]) as proxy:
        faulty = {endpoint: os.environ[endpoint].replace(found[1], proxy.address)}
        yield Faulty(url.rstrip("/"), client.partition("-")[0], faulty)
        assert proxy.met.total() - proxy.met["requests"] > proxy.met["requests"] // 8


@pytest.fixture(params=SERVERS)
def faulty(request: pytest.FixtureRequest) -> Iterator[Faulty]:
    yield from behind(request.param)


@pytest.fixture(params=["obstore-s3", "google", "obstore-az"])
def default_client(request: pytest.FixtureRequest) -> Iterator[Faulty]:
    yield from behind(request.param)


def operations(store: Store) -> Counter[str]:
    """The operations in the log, read without the code that wrote them."""
    path = "v1/default/e/"
    found: Counter[str] = Counter()
    seq = 1
    while (stored := store.get(entry_key(path, seq))) is not None:
        for event in decode(stored.data, seq)[0].events:
            if isinstance(event, TrialsCreated):
                found.update(str(each["operation"]) for each in event.assignments)
        seq += 1
    return found


def contend(kind: Callable[..., Journal], faulty: Faulty, keyed: int = 0) -> Found:
    """Every `keyed`-th writer's operations have keys."""
    url = faulty.prefix()
    calm = open_store(url)
    Journal(calm, "default", "e").commit(Submit(UID, SPEC))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in faulty.proxied.items():
            environment.setenv(name, value)
        stores = [open_store(url) for _ in range(WRITERS)]
    writers = [
        Writer(
            kind(store, "default", "e", deadline=PATIENCE_SECONDS),
            number,
            bool(keyed) and number % keyed == 0,
        )
        for number, store in enumerate(stores)
    ]
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(writer.run) for writer in writers]:
            done.result()
    return judge(operations(calm), writers)


def judge(stand: Counter[str], writers: list[Writer]) -> Found:
    acknowledged = {name for writer in writers for name in writer.acknowledged}
    failed = {name for writer in writers for name in writer.failed}
    return Found(
        lost=len(acknowledged - stand.keys()),
        twice=sum(count > 1 for count in stand.values()),
        failed_but_stands=len(failed & stand.keys()),
        unknown=sum(len(writer.unknown) for writer in writers),
    )


def runs(kind: Callable[..., Journal], faulty: Faulty) -> Iterator[Found]:
    return (contend(kind, faulty) for _ in range(CONTROL_RUNS))


@pytest.mark.stores
def test_nothing_is_lost_or_doubled_and_failed_operations_have_no_effect(faulty: Faulty) -> None:
    assert contend(Journal, faulty) == Found(lost=0, twice=0, failed_but_stands=0, unknown=0)


@pytest.mark.stores
def test_no_inbox_batch_is_lost_or_doubled(default_client: Faulty) -> None:
    found = contend(Journal, default_client, keyed=2)
    assert found._replace(unknown=0) == Found(lost=0, twice=0, failed_but_stands=0, unknown=0)


@pytest.mark.stores
def test_believing_that_a_key_exists_doubles_operations(default_client: Faulty) -> None:
    assert any(found.twice for found in runs(mistaken(ExistsMeansLost), default_client))


@pytest.mark.stores
def test_a_doubt_taken_for_failure_reports_committed_operations_as_failed(
    default_client: Faulty,
) -> None:
    assert any(
        found.failed_but_stands for found in runs(mistaken(DoubtMeansFailed), default_client)
    )
