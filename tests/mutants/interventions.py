"""One trial stopped or retried, notes and labels: what keeps budget, slots and runs exact."""

from tests.mutants.mutant import Mutant, Source

_CORE = "tests/unit/tunelet/core/test_intervention.py"
_HTTP = "tests/unit/functions/api/test_interventions.py"
_EARLY = "tests/unit/tunelet/engine/test_early_ends.py"
_AUDIT = "tests/unit/functions/identity/test_audit.py"

INTERVENTIONS = (
    Source(
        "tunelet/core/intervention.py",
        (_CORE,),
        (
            Mutant(
                "a stop ends a trial that has ended",
                "if trial is None or trial.state.finished:",
                "if trial is None:",
            ),
            Mutant(
                "a stop ends the trial of a study's caller",
                '    if experiment.study is not None:\n        raise Conflict(f"{_a_study(experiment)} end',
                '    if False:\n        raise Conflict(f"{_a_study(experiment)} end',
            ),
            Mutant(
                "a repeated retry adds another trial",
                "if experiment.answered(command.key, asked):",
                "if False:",
            ),
            Mutant(
                "a retry takes the place of another trial",
                "experiment.terms.max_trials + 1",
                "experiment.terms.max_trials",
            ),
            Mutant(
                "a retry continues an experiment that ends at once",
                "if after is not None and (due := ends.due(after, now)) is not None:",
                "if after is None and (due := ends.due(experiment, now)) is not None:",
            ),
            Mutant(
                "a retry begins an epoch that no marker announces",
                "if command.epoch not in (None, experiment.epoch):",
                "if False:",
            ),
            Mutant(
                "a retry continues an experiment that was stopped",
                "if experiment.state is ExperimentState.STOPPED:",
                "if False:",
            ),
            Mutant(
                "a trial with a result is retried",
                "if trial.state in RETRIED:",
                "if trial.state.finished:",
            ),
            Mutant(
                "notes make the state as large as one likes",
                "> NOTES_BYTES:",
                "> 1000 * NOTES_BYTES:",
            ),
            Mutant(
                "labels are without number",
                "if len(labels) > LABELS:",
                "if False:",
            ),
            Mutant(
                "a change of labels removes the others",
                "labels = {**before, **command.labels}",
                "labels = {**command.labels}",
            ),
        ),
    ),
    Source(
        "tunelet/core/experiment.py",
        (_HTTP,),
        (
            Mutant(
                "a note is not shown with its trial",
                "return trial if note is None else replace(trial, user_note=note or None)",
                "return trial",
            ),
        ),
    ),
    Source(
        "tunelet/engine/interventions.py",
        (_HTTP,),
        (
            Mutant(
                "the run of a stopped trial waits for the sweep",
                "self._loop.follow_ends(after, [number])",
                "self._loop.follow(after)",
            ),
            Mutant(
                "an ended experiment continues without a marker",
                "self._markers.announce(experiment)",
                "pass",
            ),
        ),
    ),
    Source(
        "tunelet/engine/loop.py",
        (_EARLY,),
        (
            Mutant(
                "a trial takes a slot before the stopped run has left it",
                "        if not experiment.over and early:\n",
                "        if False:\n",
                ("tests/faults/test_interventions.py",),
            ),
            Mutant(
                "the run of a trial that a rule ended waits for the sweep",
                "    if not early or experiment.over:\n",
                "    if True:\n",
            ),
            Mutant(
                "a run that was launched in vain is left",
                "or _in_vain(experiment, launched):",
                "or False:",
            ),
        ),
    ),
    Source(
        "tunelet/log/audit.py",
        (_AUDIT,),
        (
            Mutant(
                "the audit lacks what is done to single trials, notes and labels",
                "_intervention(entry.seq, event) or _change",
                "_change",
            ),
        ),
    ),
    Source(
        "tunelet/request/edits.py",
        (_HTTP,),
        (
            Mutant(
                "users set labels that are Tunelet's",
                "    found += reserved(given)\n",
                "",
            ),
            Mutant(
                "notes have any length",
                "and len(note.encode()) <= NOTE_BYTES",
                "",
            ),
        ),
    ),
)
