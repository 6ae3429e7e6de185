"""What a person does to a single trial, and to notes and labels (tunelet.core.intervention)."""

import secrets

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.intervention import refuse_state
from tunelet.core.trial import Trial, TrialState
from tunelet.engine.allowance import Allowance
from tunelet.engine.asking import Asking
from tunelet.engine.loop import Loop
from tunelet.engine.runs import run_of
from tunelet.errors import NotFound
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Markers


class Interventions:
    """Threads may share one. Every method may raise `Retry`, and `NotFound` for an experiment or
    a trial that does not exist. The log names `actor` as the one who asked for the change."""

    def __init__(
        self,
        journals: Journals,
        markers: Markers,
        allowance: Allowance,
        asking: Asking,
        loop: Loop,
    ) -> None:
        self._journals = journals
        self._markers = markers
        self._allowance = allowance
        self._asking = asking
        self._loop = loop

    def stop(self, namespace: str, name: str, number: int, actor: str = "") -> Trial:
        """End one trial, and its run. One that has ended stays as it is.

        Raises `Conflict` if the experiment is a study.
        """
        experiment = self._journals.read(namespace, name)
        after = self._committed(experiment, commands.StopTrial(number, actor))
        ended = self._trial(after, number)
        if ended.state is TrialState.STOPPED:
            # Also if it was stopped before: the signal may have been lost.
            self._loop.follow_ends(after, [number])
            if after.for_workers:
                self._asking.end(run_of(after, number, ended.attempt), ended)
        return ended

    def retry(
        self, namespace: str, name: str, number: int, key: str | None = None, actor: str = ""
    ) -> Trial:
        """Add a trial with the hyperparameters of one that failed or was stopped; returns it.

        `max_trials` rises by one, and an experiment that has spent its trials continues. The same
        `key` adds one only once. Raises `Conflict` if the trial brought a result or has not ended,
        or if the experiment cannot continue.
        """
        experiment = self._journals.read(namespace, name)
        tried = self._trial(experiment, number)
        refuse_state(tried)
        key = key or secrets.token_hex(8)
        if key not in experiment.keys:
            self._allowance.store(namespace)
        self._markers.announce(experiment)
        command = commands.RetryTrial(
            number, tried.hyperparameters, key, tried.parent, experiment.epoch, actor
        )
        after = self._committed(experiment, command)
        self._loop.follow(after)
        return self._trial(after, after.keys[key][0])

    def note(self, namespace: str, name: str, raw: object, actor: str = "") -> Experiment:
        """Replace the note of the experiment by that of `{"note": text}`; an empty one removes it.

        Raises `Reject` if it is not a short text.
        """
        return self._noted(namespace, name, raw, None, actor)

    def note_trial(
        self, namespace: str, name: str, number: int, raw: object, actor: str = ""
    ) -> Trial:
        """Do the same for a trial, also for one that has ended.

        Raises `Conflict` if the notes on the experiment's trials would take too many bytes.
        """
        return self._trial(self._noted(namespace, name, raw, number, actor), number)

    def _noted(
        self, namespace: str, name: str, raw: object, number: int | None, actor: str
    ) -> Experiment:
        from tunelet.request.edits import checked_text

        experiment = self._journals.read(namespace, name)
        note = checked_text(raw)
        if note:
            self._allowance.store(namespace)
        return self._committed(experiment, commands.SetNote(note, number, actor))

    def label(self, namespace: str, name: str, raw: object, actor: str = "") -> Experiment:
        """Set the labels of an object, and remove those that are null in it.

        Raises `Reject` if a name or a value is invalid, and `Conflict` if there would be too many.
        """
        from tunelet.request.edits import checked_labels

        experiment = self._journals.read(namespace, name)
        labels, removed = checked_labels(raw)
        if labels:
            self._allowance.store(namespace)
        return self._committed(experiment, commands.SetLabels(labels, removed, actor))

    def _trial(self, experiment: Experiment, number: int) -> Trial:
        if number in experiment.trials:
            return experiment.noted(experiment.trials[number])
        for found in self._journals.some(experiment.namespace, experiment.name, [number]):
            return found
        raise NotFound(f"experiment {experiment.name!r} has no trial {number}")

    def _committed(self, experiment: Experiment, command: Command) -> Experiment:
        """Commit a change for this experiment, not for a later one of its name."""
        journal = self._journals.of(experiment.namespace, experiment.name)
        return journal.commit(command, uid=experiment.uid)
