"""Studies of a service, over HTTP.

Every request may be sent twice: the commands have names of their own, and a creation has a key.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from tunelet.client.encoding import encoded
from tunelet.client.transport import Calls
from tunelet.core import commands
from tunelet.core.problem import Objective
from tunelet.core.study import Command
from tunelet.core.study_view import NOTHING, Changed, Committed, Since, View
from tunelet.core.trial import Trial
from tunelet.errors import NotFound, TuneletError
from tunelet.log.heartbeats import Beats
from tunelet.text.surrogates import replaced

BODY_BYTES = 1 << 19
"""Changes of several trials are sent in requests of about this size: services refuse large ones."""

Json = dict[str, Any]


class RemoteLogs:
    """The studies of a namespace of a service. Thread-safe."""

    def __init__(self, calls: Calls, namespace: str) -> None:
        self._calls = calls
        self._root = f"/api/namespaces/{quote(namespace, safe='')}/studies"

    def create(self, study_name: str, directions: Sequence[str]) -> int:
        """Create a study and return its number. Raises `Conflict` if the name exists."""
        body = {"name": study_name, "directions": list(directions)}
        headers = {"Idempotency-Key": uuid4().hex}
        return int(self._calls.call("POST", self._root, body, headers=headers)["number"])

    def named(self, study_name: str) -> View:
        """Return the study of this name. Raises `NotFound`."""
        if replaced(study_name) != study_name:
            raise NotFound("no study has a name with half of a surrogate pair")
        (found,) = self._calls.call("GET", self._root, query={"name": study_name})["studies"]
        return _view(found)

    def log(self, number: int) -> "RemoteLog":
        """Return a study that exists. Raises `NotFound`."""
        log = RemoteLog(self._calls, f"{self._root}/{number}")
        log.read(NOTHING)
        return log

    def delete(self, number: int) -> None:
        """Delete a study. Raises `NotFound`."""
        self._calls.call("DELETE", f"{self._root}/{number}")

    def all(self) -> list[View]:
        """Return all studies, by number."""
        return sorted(map(_view, self._pages()))

    def _pages(self) -> Iterator[Json]:
        query: dict[str, object] = {}
        while True:
            page = self._calls.call("GET", self._root, query=query)
            yield from page["studies"]
            if page["next"] is None:
                return
            query = dict(parse_qsl(urlsplit(page["next"]).query))


class RemoteLog:
    """One study of a service. Thread-safe. Methods raise `NotFound` once it is deleted."""

    def __init__(self, calls: Calls, path: str) -> None:
        self.beats = RemoteBeats(calls, f"{path}/heartbeats/")
        self._calls = calls
        self._path = path

    def read(self, since: Since) -> Changed:
        """Return the study now, and the trials that have changed."""
        first = page = self._changes(since.seq, since.lowest)
        trials = list(_trials(page["trials"]))
        while page["next"] is not None:
            # Later pages may be newer. What they lack, the next reading has: it begins with the
            # position of the first.
            page = self._changes(since.seq, page["next"])
            trials += _trials(page["trials"])
        return _changed(first, trials)

    def commit(self, changes: Sequence[Command], since: Since) -> Committed:
        """Commit the commands. Raises what `tunelet.core.study.decide` does."""
        done = [self._commit(group, since) for group in _groups(changes)]
        named = [trial for each in done for trial in each.named]
        return Committed(named, done[-1].changed, any(each.more for each in done))

    def _changes(self, after: int, lowest: int) -> Json:
        query = {"after": after, "lowest": lowest}
        answer: Json = self._calls.call("GET", f"{self._path}/changes", query=query)
        return answer

    def _commit(self, group: Sequence[Json], since: Since) -> Committed:
        body = {"commands": group, "after": since.seq, "lowest": since.lowest}
        answer = self._calls.call("POST", f"{self._path}/commands", body)
        changed = _changed(answer, list(_trials(answer["trials"])))
        return Committed(list(_trials(answer["named"])), changed, answer["next"] is not None)


class RemoteBeats:
    """The heartbeats of a study's trials."""

    def __init__(self, calls: Calls, path: str) -> None:
        self._calls = calls
        self._path = path

    def write(self, token: str, beats: Beats) -> None:
        """Replace the heartbeats of a process. Raises `Retry`."""
        body = msgspec.to_builtins(beats, str_keys=True)
        self._calls.call("PUT", self._path + token, body)

    def read(self, token: str) -> Beats | None:
        """Return the heartbeats of a process; None if the service cannot read them."""
        answer = self._calls.call("GET", self._path + token)
        return None if answer["beats"] is None else msgspec.convert(answer, Beats, str_keys=True)


def _groups(changes: Sequence[Command]) -> Iterator[list[Json]]:
    """Divide commands that are for one request each if they are large.

    Only changes of trials come in numbers, and it does not matter which of them are in one entry.
    """
    group, size = list[Json](), 0
    for each in map(_sent, changes):
        own = len(encoded(each))
        if group and size + own > BODY_BYTES:
            yield group
            group, size = [], 0
        group.append(each)
        size += own
    yield group


def _sent(command: Command) -> Json:
    if isinstance(command, commands.SetAttributes):
        command = replace(command, key=uuid4().hex)
    sent: Json = msgspec.to_builtins(command, str_keys=True)
    return sent


def _changed(answer: Json, trials: list[Trial]) -> Changed:
    return Changed(_view(answer["study"]), answer["seq"], trials)


def _trials(read: Sequence[Json]) -> Iterator[Trial]:
    try:
        yield from msgspec.convert(read, list[Trial], str_keys=True)
    except msgspec.ValidationError as fault:
        text = f"the service says of a trial what this version does not know ({fault}): upgrade"
        raise TuneletError(text) from fault


def _view(read: Json) -> View:
    return View(
        number=read["number"],
        name=read["name"],
        experiment=read["experiment"],
        objectives=[Objective(each["metric"], each["direction"]) for each in read["objectives"]],
        attributes=read["attributes"],
        system=read["system"],
    )
