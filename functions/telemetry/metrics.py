"""The metrics of a function, and the page that Prometheus reads.

No label names a tenant or an experiment: there may be any number of them, and a reader
of the page may belong to none.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from werkzeug.wrappers import Response

from functions.telemetry.figures import Durations, Gauge, Level
from tunelet.errors import Reject, Retry, Throttled
from tunelet.ports import Store, Stored

if TYPE_CHECKING:
    from prometheus_client import Metric

T = TypeVar("T")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

_REQUESTS = Durations(
    "tunelet_request_seconds",
    "Requests and events answered, by function and status code",
    ("function", "code"),
    _SECONDS,
)
_STORE = Durations(
    "tunelet_store_request_seconds",
    "Requests to the store, by operation and how they ended",
    ("operation", "result"),
    _SECONDS,
)
_LIVE = Level(
    "tunelet_live_experiments", "Experiments that had not ended when the last sweep looked"
)


def page() -> Response:
    """All metrics of this process in Prometheus's text format."""
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(_Collector()), content_type=CONTENT_TYPE_LATEST)


def page_of(gauges: Iterable[Gauge]) -> Response:
    """These gauges in Prometheus's text format."""
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(_Gauges(gauges)), content_type=CONTENT_TYPE_LATEST)


class _Gauges:
    """Gauges as prometheus_client takes them."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        for name, summary, label, samples in self._gauges:
            found = GaugeMetricFamily(name, summary, labels=[label] if label else None)
            for value, sample in sorted(samples.items()):
                found.add_metric([value] if label else [], sample)
            yield found


class _Collector:
    """The metrics as prometheus_client takes them."""

    def collect(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        yield family(_REQUESTS)
        yield family(_STORE)
        yield GaugeMetricFamily(_LIVE.name, _LIVE.summary, _LIVE.value)


def family(durations: Durations) -> "Metric":
    """Return the histogram as prometheus_client takes it."""
    from prometheus_client.core import HistogramMetricFamily
    from prometheus_client.utils import floatToGoString

    found = HistogramMetricFamily(durations.name, durations.summary, labels=durations.labels)
    bounds = [*map(floatToGoString, durations.bounds), "+Inf"]
    for values, series in durations.series():
        buckets = list(zip(bounds, accumulate(series.counts), strict=True))
        found.add_metric(values, buckets, series.total)
        named = dict(zip(durations.labels, values, strict=True))
        found.add_sample(f"{durations.name}_created", named, series.created)
    return found


def answered(function: str, code: int, seconds: float) -> None:
    _REQUESTS.observe((function, str(code)), seconds)


def live(experiments: int) -> None:
    _LIVE.value = experiments


class MeteredStore:
    """Counts and times each request to `store`. A listing is timed to its first key."""

    def __init__(self, store: Store) -> None:
        self.url = store.url
        self._store = store

    def get(self, key: str) -> Stored | None:
        return _timed("get", lambda: self._store.get(key))

    def part(self, key: str, start: int, size: int) -> bytes | None:
        return _timed("get", lambda: self._store.part(key, start, size))

    def create(self, key: str, data: bytes) -> bool:
        return _timed("create", lambda: self._store.create(key, data))

    def put(self, key: str, data: bytes) -> None:
        _timed("put", lambda: self._store.put(key, data))

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return _timed("replace", lambda: self._store.replace(key, data, version))

    def copy(self, key: str, to: str) -> bool:
        return _timed("copy", lambda: self._store.copy(key, to))

    def delete(self, key: str) -> None:
        _timed("delete", lambda: self._store.delete(key))

    def ready(self) -> None:
        _timed("ready", self._store.ready)

    def size(self, prefix: str, most: int) -> int:
        return _timed("list", lambda: self._store.size(prefix, most))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        keys = self._store.list(prefix, after, limit)
        first = _timed("list", lambda: next(keys, None))
        if first is not None:
            yield first
            yield from keys


def _timed(operation: str, request: Callable[[], T]) -> T:
    with _ending(operation):
        return request()


@contextmanager
def _ending(operation: str) -> Iterator[None]:
    began, result = perf_counter(), "error"
    try:
        yield
        result = "ok"
    except Throttled:
        result = "throttled"
        raise
    except Retry:
        result = "retry"
        raise
    except Reject:
        result = "refused"
        raise
    finally:
        _STORE.observe((operation, result), perf_counter() - began)


if TYPE_CHECKING:
    _conforms: type[Store] = MeteredStore
