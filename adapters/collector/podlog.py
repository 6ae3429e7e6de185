"""Reads the training container's output from the Kubernetes API while it is written.

It does not change the image: it needs no shell and wraps no entrypoint. It needs only the right to
`get` `pods/log`.
"""

import ssl
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPSConnection
from threading import Event
from urllib.parse import quote, urlencode

from adapters.collector.settings import TOKEN_FOLDER, CollectorSettings
from adapters.output.log_timestamps import Stamped

_CHUNK = 1 << 16
_SILENCE_SECONDS = 300
"""After this time without data the connection is replaced, because it may be dead."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0


class Failed(Exception):
    """The API refused the log."""


class Waiting(Exception):
    """There is no log yet."""


class PodLog:
    def __init__(self, settings: CollectorSettings, ended: Event) -> None:
        """`ended` is set once the training container has ended."""
        self._authority = settings.kubernetes
        self._path = f"/api/v1/namespaces/{quote(settings.pod_namespace)}/pods/"
        self._path += f"{quote(settings.pod)}/log"
        self._container = settings.container
        self._ended = ended
        self._stamped = Stamped()

    @property
    def whole(self) -> bool:
        """Whether nothing is missing between the chunks."""
        return self._stamped.gaps == 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the output from its beginning to its end, even if the connection breaks."""
        pause, said = _FIRST_PAUSE, ""
        while True:
            # The log is complete if it is read to its end after the container's end.
            last, new = self._ended.is_set(), False
            try:
                for chunk in self._read(follow=not last):
                    new = True
                    yield chunk
                self._stamped.finish()
                if last and self._stamped.ends_with(self._last_line()):
                    return
            except Waiting:
                pass
            except (OSError, HTTPException, Failed, ValueError) as fault:
                if said != str(fault):
                    said = str(fault)
                    print(f"tunelet: the output cannot be read now: {said}", file=sys.stderr)
            pause = _FIRST_PAUSE if new or last else min(pause * 2, _LONGEST_PAUSE)
            if last:
                time.sleep(pause)
            else:
                self._ended.wait(pause)

    def _read(self, follow: bool) -> Iterator[bytes]:
        query = {"follow": str(follow).lower()}
        if since := self._stamped.since:
            query["sinceTime"] = since
        self._stamped.connect()
        for data in self._asked(query):
            if new := self._stamped.strip(data):
                yield new

    def _last_line(self) -> bytes:
        """The last line, to check that all was read: if the connection to the node breaks, the
        Kubernetes API ends its answer as if the log ended there."""
        return b"".join(self._asked({"tailLines": "1"}))

    def _asked(self, query: dict[str, str]) -> Iterator[bytes]:
        query = {"container": self._container, "timestamps": "true", **query}
        connection = HTTPSConnection(
            self._authority,
            timeout=_SILENCE_SECONDS,
            context=ssl.create_default_context(cafile=f"{TOKEN_FOLDER}/ca.crt"),
        )
        try:
            with open(f"{TOKEN_FOLDER}/token", encoding="ascii") as file:
                bearer = {"Authorization": f"Bearer {file.read().strip()}"}
            connection.request("GET", f"{self._path}?{urlencode(query)}", headers=bearer)
            answer = connection.getresponse()
            if answer.status != 200:
                text = answer.read(500).decode(errors="replace").strip()
                if "waiting to start" in text:
                    raise Waiting
                raise Failed(f"the Kubernetes API answers {answer.status}: {text}")
            while data := answer.read1(_CHUNK):
                yield data
        finally:
            connection.close()
