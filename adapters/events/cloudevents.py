"""CloudEvents over HTTP (the 1.0 HTTP binding): read in binary, structured and batched mode, sent.

Only this file uses the SDK. Requests are read strictly and reduced to an `Event`. Any fault is a
`Reject`, because the same bytes will never be valid.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudevents.conversion import to_binary, to_structured
from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http

from adapters.events.signature import Signature
from tunelet import tracing
from tunelet.core.signal import COLLECT, ENDING, FINISHED, LAUNCH, SUGGEST, Signal
from tunelet.errors import FieldError, Reject, Retry
from tunelet.text.strict_json import NotJson, decode

if TYPE_CHECKING:
    import urllib3

    from tunelet.ports import Publisher

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"

TYPES = {
    SUGGEST: "dev.tunelet.suggest.requested",
    LAUNCH: "dev.tunelet.launch.requested",
    COLLECT: "dev.tunelet.run.changed",
    ENDING: "dev.tunelet.run.ending",
    FINISHED: "dev.tunelet.experiment.finished",
}
"""The type of a signal's event, by the signal's topic."""

MAX_BATCH = 500
_REQUIRED = ("specversion", "id", "source", "type")
_ATTRIBUTES = (*_REQUIRED, "subject", "time", "datacontenttype")
_BAD_EVENT = "the request is not a CloudEvent"
_CONNECT_SECONDS, _READ_SECONDS = 2.0, 10.0


class Event(NamedTuple):
    """The part of a CloudEvent that Tunelet uses. `data` is JSON, or None."""

    id: str
    source: str
    type: str
    subject: str = ""
    data: Any = None


def parse(headers: Mapping[str, str], body: bytes) -> Event:
    """Return the event of a request in binary or structured mode. Raises `Reject`."""
    given = {name.lower(): value for name, value in headers.items()}
    media = media_type(given)
    if media == BATCH:
        remedy = "send one event in a request"
        raise _bad("Content-Type", media, "a batch is not accepted here", remedy)
    if media == STRUCTURED:
        return _structured(_json(body), "")
    if media.startswith("application/cloudevents"):
        raise _bad("Content-Type", media, "is not a known event format", f"send {STRUCTURED}")
    return _binary(given, body)


def parse_all(headers: Mapping[str, str], body: bytes) -> list[Event]:
    """Return all events of a request in any of the three modes. Raises `Reject`."""
    if media_type({name.lower(): value for name, value in headers.items()}) != BATCH:
        return [parse(headers, body)]
    batch = _json(body)
    if not isinstance(batch, list) or len(batch) > MAX_BATCH:
        remedy = f"send a JSON array of at most {MAX_BATCH} events"
        raise _bad("body", None, "is not a batch of events", remedy)
    return [_structured(each, f"[{index}].") for index, each in enumerate(batch)]


def message(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Return the event of a request as an HTTP message in binary mode.

    It has all attributes, also those that Tunelet does not use. The data is not read. Raises
    `Reject` if the request is not one event.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if media_type(given) != STRUCTURED:
        parse(given, b"")
        kept = {name: value for name, value in given.items() if name.startswith("ce-")}
        return kept | {"content-type": given.get("content-type", "application/json")}, body
    parse(given, body)
    return _written(*to_binary(from_http(given, body)))


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type without parameters. The names of `headers` are in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def binary(signal: Signal) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the signal's HTTP message in binary mode."""
    return _written(*to_binary(_event(signal)))


def structured(signal: Signal) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the signal's HTTP message in structured mode."""
    return _written(*to_structured(_event(signal)))


class BrokerPublisher:
    """Posts every signal to a broker (or any sink) for CloudEvents over HTTP.

    `publish` raises `Retry` if the broker does not accept the event within seconds. It does not try
    again, because a lost signal costs only latency, and a caller waits for the answer.
    """

    def __init__(self, url: str, signature: Signature) -> None:
        self.url = url
        self._signature = signature
        self._pool: urllib3.PoolManager | None = None

    def publish(self, signal: Signal) -> None:
        headers, body = binary(signal)
        self.repeat(self._signature.signed(headers, body), body)

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        import urllib3

        # Made at the first use: urllib3 would be a tenth of a function's cold start.
        self._pool = self._pool or urllib3.PoolManager(maxsize=8)
        limits = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        try:
            answer = self._pool.request(
                "POST", self.url, body=body, headers=headers, timeout=limits, retries=False
            )
        except urllib3.exceptions.HTTPError as fault:
            raise Retry(f"the broker cannot be reached ({type(fault).__name__})") from fault
        if answer.status >= 300:
            raise Retry(f"the broker answered {answer.status} to an event")


if TYPE_CHECKING:
    _conforms: type[Publisher] = BrokerPublisher


def _event(signal: Signal) -> CloudEvent:
    topic, namespace, experiment, number = signal
    trial = "" if number is None else f"/{number}"
    attributes = {
        "type": TYPES[topic],
        "source": f"/tunelet/{namespace}",
        "subject": f"{namespace}/{experiment}{trial}",
        "datacontenttype": "application/json",
    }
    if traceparent := tracing.current():
        attributes["traceparent"] = traceparent
    return CloudEvent(attributes, {"namespace": namespace, "experiment": experiment})


def _written(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    return dict(headers), body


def _binary(headers: Mapping[str, str], body: bytes) -> Event:
    attributes = {name: headers[f"ce-{name}"] for name in _ATTRIBUTES if f"ce-{name}" in headers}
    _check(attributes, "", "ce-")
    media = headers.get("ce-datacontenttype") or media_type(headers)
    kept = {f"ce-{name}": value for name, value in attributes.items()}
    # An event may have data of any media type; Tunelet reads only JSON.
    is_json = not media or media == "application/json" or media.endswith("+json")
    return _read(kept, body if is_json else b"")


def _structured(raw: Any, where: str) -> Event:
    if not isinstance(raw, dict):
        raise _bad(where.rstrip(".") or "body", None, "is not a JSON object", "send one event")
    attributes = {name: raw[name] for name in _ATTRIBUTES if raw.get(name) is not None}
    _check(attributes, where, "")
    data = {name: raw[name] for name in ("data", "data_base64") if name in raw}
    return _read({"content-type": STRUCTURED}, json.dumps(attributes | data).encode())


def _read(headers: dict[str, str], body: bytes) -> Event:
    try:
        event = from_http(headers, body, lambda content: content)
        data = decode(_bytes(event.data)) if event.data else None
    except (GenericException, NotJson) as fault:
        raise _bad("data", None, f"cannot be read: {fault}", "send JSON") from None
    return Event(event["id"], event["source"], event["type"], event.get("subject") or "", data)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _json(body: bytes) -> Any:
    try:
        return decode(body)
    except NotJson as fault:
        raise _bad("body", None, str(fault), "send the event as JSON") from None


def _check(attributes: Mapping[str, Any], where: str, prefix: str) -> None:
    """Check the attributes before the SDK, which looks values of any type up in tables."""
    errors = [
        FieldError(where + prefix + name, None, "is required", f"send the attribute {name}")
        for name in _REQUIRED
        if not attributes.get(name)
    ]
    errors += [
        FieldError(where + prefix + name, None, "is not a string", "send a string")
        for name, value in attributes.items()
        if not isinstance(value, str)
    ]
    version = attributes.get("specversion")
    if isinstance(version, str) and version and version != "1.0":
        message, remedy = "is not a known version", "send CloudEvents 1.0"
        errors.append(FieldError(f"{where}{prefix}specversion", version, message, remedy))
    if errors:
        raise Reject(_BAD_EVENT, errors)


def _bad(field: str, value: Any, message: str, remedy: str) -> Reject:
    return Reject(_BAD_EVENT, [FieldError(field, value, message, remedy)])
