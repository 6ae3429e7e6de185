"""Sends reports to the service, one request at a time, and interprets the answer."""

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from adapters.collector.settings import CollectorSettings

_TIMEOUT_SECONDS = 20
_LONGEST_WAIT = 30.0
_PROBLEM = "application/problem+json"


class Answer(NamedTuple):
    taken: bool
    """Whether not to send the reports again: they are recorded, or refused for good."""
    stop: bool = False
    """Whether the training should stop."""
    after: float | None = None
    """The seconds that the service asks to wait."""
    fault: str | None = None
    """Why the reports are not recorded; None if they are."""


class ReportApi:
    def __init__(self, settings: CollectorSettings) -> None:
        url = urlsplit(settings.api_url)
        connection = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._connection = connection(url.netloc, timeout=_TIMEOUT_SECONDS)
        place = (settings.namespace, "experiments", settings.experiment, "trials", settings.trial)
        self._path = f"{url.path}/api/namespaces/{'/'.join(map(quote, place))}/reports"
        self._headers = {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
            "User-Agent": "tunelet-collector",
        }
        if settings.traceparent:
            self._headers["traceparent"] = settings.traceparent

    def report(self, batch: Sequence[Mapping[str, Any]], ending: bool = False) -> Answer:
        """Send the reports once. `ending`: they are the last ones, and the run is about to end."""
        message = {"reports": batch, "ending": True} if ending else {"reports": batch}
        body = json.dumps(message, separators=(",", ":")).encode()
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            data = answer.read(1 << 16)
            if answer.will_close or not answer.isclosed():
                self._connection.close()
            return _read(answer.status, answer.headers, data)
        except (OSError, HTTPException) as fault:
            self._connection.close()
            return Answer(taken=False, fault=f"{type(fault).__name__}: {fault}")


def _read(status: int, headers: HTTPMessage, data: bytes) -> Answer:
    said = _object(data)
    if status == 200 and isinstance(said.get("stop"), bool):
        return Answer(taken=True, stop=said["stop"])
    fault = f"the service answers {status}: {said.get('detail') or data[:200]!r}"
    # Only the service itself refuses for good. A proxy before it may fail for a while.
    refused = 400 <= status < 500 and status not in (408, 429)
    if refused and headers.get("Content-Type", "").startswith(_PROBLEM):
        return Answer(taken=True, fault=fault)
    asked = headers.get("Retry-After", "")
    after = min(float(asked), _LONGEST_WAIT) if asked.isdigit() else None
    return Answer(taken=False, after=after, fault=fault)


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
