"""Studies: experiments whose callers create, take, change and end the trials (tunelet.core.study).

Every change has a natural key, so that a caller may repeat it after any doubt.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from secrets import token_hex

from tunelet.core import commands
from tunelet.core.experiment import Experiment
from tunelet.core.problem import Objective
from tunelet.core.study import Command
from tunelet.core.study_view import NOTHING, Changed, Committed, Since, View, view
from tunelet.core.trial import Trial
from tunelet.errors import Conflict, NotFound, OverQuota
from tunelet.log.heartbeats import StoredBeats
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.log.parallel import at_once
from tunelet.log.study_numbers import Named, Numbers, experiment_name
from tunelet.ports import Store
from tunelet.store_probe import Probed

LIBRARY = "optuna"
PAGE = 100


class StudyLog:
    """One life of a study in the log. Thread-safe. Methods raise `NotFound` once it is deleted."""

    def __init__(self, store: Store, journal: Journal, uid: str) -> None:
        self.beats = StoredBeats(store, f"{journal.path}trials/{uid}/heartbeats/")
        self._journal = journal
        self._uid = uid

    def read(self, since: Since) -> Changed:
        """Return the study now, and the trials that have changed."""
        return self.page(since, None)[0]

    def objectives(self) -> Sequence[Objective]:
        """Return the objectives, which never change, without a read if they are known."""
        known = self._journal.known()
        if known is None or known.uid != self._uid:
            return self.read(NOTHING).study.objectives
        return known.terms.objectives

    def creates(self, sent: Sequence[Command]) -> bool:
        """Whether the commands create a trial, as far as this process knows."""
        known = self._journal.known()
        keys = known.keys if known is not None and known.uid == self._uid else {}
        return any(isinstance(c, commands.CreateTrial) and c.key not in keys for c in sent)

    def page(self, since: Since, most: int | None) -> tuple[Changed, bool]:
        """Like `read`, with `most` trials at most; and whether there are more."""
        return _page(self._journal.changes(since, self._uid), most)

    def commit(
        self, changes: Sequence[Command], since: Since, most: int | None = None
    ) -> Committed:
        """Commit the commands in one entry. Raises what `tunelet.core.study.decide` does.

        The answer shows `most` changed trials at most.
        """
        after = self._journal.commit(*changes, uid=self._uid)
        changed, more = _page(self._journal.changes(since, self._uid, now=False), most)
        numbers = [n for each in changes if (n := _number(each, after)) is not None]
        return Committed([self._trial(n, after, changed) for n in numbers], changed, more)

    def _trial(self, number: int, after: Experiment, changed: Changed) -> Trial:
        """Return the trial, wherever it is at hand."""
        if (trial := after.trials.get(number)) is not None:
            return trial
        if (found := next((t for t in changed.trials if t.number == number), None)) is not None:
            return found
        _, left = self._journal.moment()
        return next(left(number - 1))


class Studies:
    """The studies of a namespace. Thread-safe."""

    def __init__(
        self,
        store: Store,
        namespace: str,
        journals: Journals,
        markers: Markers,
        numbers: Numbers,
        probed: Probed,
        begin: Callable[[str], None] = lambda _: None,
        actor: str = "",
    ) -> None:
        """`begin` raises `OverQuota` if the namespace may not have another experiment. The
        log names `actor` as the one who creates and deletes studies."""
        self._store = store
        self._namespace = namespace
        self._journals = journals
        self._markers = markers
        self._numbers = numbers
        self._probed = probed
        self._begin = begin
        self._actor = actor

    def create(self, study_name: str, directions: Sequence[str], key: str | None = None) -> int:
        """Create a study and return its number. As long as it exists, the same `key` creates only
        one of this name.

        Raises `Conflict` if an experiment of its name exists, and what `begin` does. If the process
        dies meanwhile, a number stays unused, or a marker stays until it expires.
        """
        from tunelet.request.study import study_spec

        name = experiment_name(study_name)
        mark = None if key is None else sha256(key.encode()).hexdigest()[:16]
        if (existing := self._existing(name)) is not None:
            return _again(existing, mark, study_name, directions)
        self._probed.ensure(self._namespace)
        # Not made of the key: a call that comes again after a deletion would begin the same life.
        uid = token_hex(8)
        marker = Marker(self._namespace, name, uid, 0)
        number = self._numbers.claim(self._namespace, Named(name, uid))
        study = {"number": number, "name": study_name, **({"key": mark} if mark else {})}
        spec = study_spec(self._namespace, name, study, LIBRARY, directions)
        self._markers.set(marker)
        submit = commands.Submit(uid, spec, actor=self._actor)
        try:
            self._begin(self._namespace)
            self._journals.of(self._namespace, name).commit(submit)
        except OverQuota:
            self._markers.retract(marker)
            raise
        except Conflict:
            begun = self._journals.read(self._namespace, name)
            if begun.uid != uid:
                self._markers.retract(marker)
            return _again(begun, mark, study_name, directions)
        self._store.delete(marker.key)  # no sweep has to look at it
        return number

    def named(self, study_name: str) -> View:
        """Return the study of this name. Raises `NotFound`."""
        found = self._existing(experiment_name(study_name))
        if found is None or found.study is None or found.study["name"] != study_name:
            raise NotFound(f"there is no study {study_name!r}")
        return view(found)

    def log(self, number: int) -> StudyLog:
        """Return a study that exists or was deleted. Raises `NotFound` if it never existed."""
        named = self._numbers.find(self._namespace, number)
        if named is None:
            raise NotFound(f"there is no study {number}")
        return StudyLog(self._store, self._journals.of(self._namespace, named.name), named.uid)

    def delete(self, number: int) -> None:
        """Delete a study. A service's sweep removes its data. Raises `NotFound`."""
        named = self._numbers.find(self._namespace, number)
        found = None if named is None else self._existing(named.name)
        if named is None or found is None or found.uid != named.uid:
            raise NotFound(f"there is no study {number}")
        self._markers.announce(found)
        journal = self._journals.of(self._namespace, found.name)
        journal.commit(commands.Delete(found.epoch, self._actor), uid=found.uid)
        self._markers.forget(found)

    def page(self, after: str = "", limit: int = PAGE) -> tuple[list[View], str | None]:
        """Return the studies among `limit` experiments, and the `after` of the next page."""
        names = list(islice(self._markers.names(self._namespace, after), limit + 1))
        read = at_once(self._existing, names[:limit])
        found = [view(each) for each in read if each is not None and each.study is not None]
        return found, names[limit - 1] if len(names) > limit else None

    def all(self) -> list[View]:
        """Return all studies, by number."""
        found, after = self.page()
        while after is not None:
            more, after = self.page(after)
            found += more
        return sorted(found)

    def _existing(self, name: str) -> Experiment | None:
        try:
            return self._journals.read(self._namespace, name)
        except NotFound:
            return None


def opened(store: Store, namespace: str) -> Studies:
    """Return the studies of a store, in a process that does nothing else with it."""
    markers = Markers(store, time.time)
    probed = Probed(lambda _: store)
    return Studies(store, namespace, Journals(store), markers, Numbers(store), probed)


def _page(read: tuple[Experiment, int, Iterator[Trial]], most: int | None) -> tuple[Changed, bool]:
    experiment, seq, trials = read
    page = list(trials if most is None else islice(trials, most + 1))
    return Changed(view(experiment), seq, page[:most]), most is not None and len(page) > most


def _number(command: Command, after: Experiment) -> int | None:
    if isinstance(command, commands.CreateTrial):
        return after.keys[command.key][0]
    return getattr(command, "number", None)


def _again(
    existing: Experiment, mark: str | None, study_name: str, directions: Sequence[str]
) -> int:
    """Return the number of the study that an earlier call with the same key created."""
    study = existing.study
    if study is None or mark is None or study.get("key") != mark:
        raise Conflict(
            f"an experiment {existing.name!r} exists already: choose another name than "
            f"{study_name!r}, or continue the study with load_if_exists=True"
        )
    asked = [each.direction for each in existing.terms.objectives]
    if study["name"] != study_name or asked != list(directions):
        raise Conflict("the Idempotency-Key was used for another study: use a new one")
    return int(study["number"])
