"""The rules of budgets, attempts and ends, and the steps that act on them."""

from tests.mutants.mutant import Mutant, Source

_DECIDE = "tests/unit/tunelet/core/test_decide.py"
_ATTEMPTS = "tests/unit/tunelet/core/test_attempts.py"
_GIVING_UP = "tests/unit/tunelet/core/test_giving_up.py"
_EPOCHS = "tests/unit/tunelet/core/test_epochs.py"
_RETENTION = "tests/faults/test_retention.py"
_LOOP = "tests/unit/tunelet/engine/test_loop.py"
_LAUNCHES = "tests/unit/tunelet/engine/test_launches.py"

DECISIONS = (
    Source(
        "tunelet/core/decide.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "suggestions made before other trials were added are accepted",
                "if command.first != experiment.next_number or room == 0:",
                "if room == 0:",
            ),
            Mutant(
                "more trials are suggested than were asked for",
                "chosen = command.assignments[:room]",
                "chosen = command.assignments",
            ),
            Mutant(
                "suggestions of a replaced algorithm are accepted",
                'if command.asked not in (None, experiment.spec.get("hpo_algorithm")):',
                "if False:",
            ),
            Mutant(
                "suggestions that were cut short mark the space as exhausted",
                "exhausted = command.exhausted and len(chosen) == len(command.assignments)",
                "exhausted = command.exhausted",
            ),
            Mutant(
                "an enqueue with the same key is done again",
                "if experiment.answered(command.key, of_enqueue(command.assignments, command.user_note)):",
                "if False:",
            ),
            Mutant(
                "a submit succeeds although the name is in use",
                "if not experiment.answered(command.key, of_submit(command.spec)):",
                "if command.key and not experiment.answered(command.key, of_submit(command.spec)):",
            ),
            Mutant(
                "more trials can be enqueued than max_trials allows",
                "if len(command.assignments) > left:",
                "if False:",
            ),
            Mutant(
                "trials can be enqueued after the experiment has ended",
                "    if experiment.over:\n        raise Conflict(\n"
                '            f"experiment {experiment.name!r} has ended ({experiment.reason}); {EXTEND_FIRST}"',
                "    if False:\n        raise Conflict(\n"
                '            f"experiment {experiment.name!r} has ended ({experiment.reason}); {EXTEND_FIRST}"',
            ),
            Mutant(
                "more slots are given than parallel_trials allows",
                "for trial in waiting[: max(0, by.slots(experiment))]",
                "for trial in waiting",
            ),
            Mutant(
                "a negative number of free slots reserves trials",
                "for trial in waiting[: max(0, by.slots(experiment))]",
                "for trial in waiting[: by.slots(experiment)]",
            ),
            Mutant(
                "slots are given while the experiment is paused",
                "return _reserve(experiment, by) if experiment.state is ExperimentState.RUNNING else ()",
                "return _reserve(experiment, by)",
            ),
            Mutant(
                "a worker's request that comes twice takes more trials",
                "if any(trial.by == taker for trial in experiment.trials.values()):",
                "if False:",
                ("tests/unit/tunelet/core/test_workers.py",),
            ),
            Mutant(
                "workers take more trials than may run at a time",
                "untaken(experiment)[: max(0, min(command.count, free))]",
                "untaken(experiment)[: command.count]",
                ("tests/unit/tunelet/core/test_workers.py",),
            ),
            Mutant(
                "new trials begin although the experiment is giving up",
                "for trial in waiting if trial.begun or not experiment.hopeless]",
                "for trial in waiting]",
                (_GIVING_UP,),
            ),
        ),
    ),
    Source(
        "tunelet/core/attempts.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "a report after a trial's end changes the trial",
                "if trial is None or trial.state.finished or attempt < trial.attempt:",
                "if trial is None or attempt < trial.attempt:",
            ),
            Mutant(
                "a report of an earlier attempt is accepted",
                "if trial is None or trial.state.finished or attempt < trial.attempt:",
                "if trial is None or trial.state.finished:",
            ),
            Mutant(
                "a report of an attempt that never existed is accepted",
                "if attempt > trial.attempt:",
                "if False:",
            ),
            Mutant(
                "a report of a trial that never existed is ignored",
                "    if n >= experiment.next_number:\n",
                "    if n > experiment.next_number:\n",
            ),
            Mutant(
                "a trial starts without a slot",
                "if not trial.reserved:",
                "if False:",
            ),
            Mutant(
                "a lost trial gets one attempt more than allowed",
                "return not outcome.counted or trial.counted < experiment.terms.max_attempts",
                "return not outcome.counted or trial.counted <= experiment.terms.max_attempts",
            ),
            Mutant(
                "a trial fails when its run is lost, although it has attempts left",
                "if outcome.verdict is Verdict.LOST and _tried_again(experiment, trial, outcome):",
                "if False:",
            ),
            Mutant(
                "an attempt that could not begin counts towards max_attempts",
                "return not outcome.counted or trial.counted < experiment.terms.max_attempts",
                "return trial.counted < experiment.terms.max_attempts",
                (_ATTEMPTS,),
            ),
            Mutant(
                "a trial completes although its output was not read to the end",
                "if outcome.unread and outcome.verdict is Verdict.COMPLETE:",
                "if False:",
            ),
            Mutant(
                "a trial completes without a value of its objective",
                "if objective.metric not in values:",
                "if False:",
            ),
            Mutant(
                "NaN is accepted as a value of an objective",
                "if math.isnan(number(values[objective.metric])):",
                "if False:",
            ),
            Mutant(
                "values of a lost attempt count for the next attempt",
                "        own=trial.attempt > 1,\n        exit_code",
                "        own=False,\n        exit_code",
            ),
        ),
    ),
    Source(
        "tunelet/core/control.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "an experiment begins without its marker",
                "if announced not in (None, experiment.epoch):",
                "if False:",
                (_EPOCHS,),
            ),
            Mutant(
                "max_trials can be set below the number of existing trials",
                "if limit is not None and limit < experiment.next_number:",
                "if False:",
            ),
            Mutant(
                "an experiment without budget left can be resumed",
                "(due := ends.due(after, now)) is not None:",
                "(due := ends.due(after, now)) is not None and False:",
            ),
            Mutant(
                "an extension that resumes an experiment begins no new epoch",
                "return _in_next_epoch(experiment, command.epoch, *resumed) if goes_on else extended",
                "return resumed if goes_on else extended",
                (_EPOCHS,),
            ),
            Mutant(
                "an experiment is deleted before its time",
                "return () if due is None or due > now * 1000 else (events.Deleted(at=now),)",
                "return () if due is None else (events.Deleted(at=now),)",
                (_RETENTION,),
            ),
            Mutant(
                "an experiment that was resumed is still deleted",
                "due = experiment.due if experiment.epoch == epoch else None",
                "due = experiment.due",
                (_EPOCHS,),
            ),
        ),
    ),
    Source(
        "tunelet/core/ends.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "the experiment ends at one failure fewer than allowed",
                "if allowed is not None and ended.fail > allowed:",
                "if allowed is not None and ended.fail >= allowed:",
            ),
            Mutant(
                "too many failures take precedence over a goal that was reached",
                "    if any(_reached(terms.objectives, trial) for trial in experiment.best):\n"
                '        return End(ExperimentState.COMPLETE, "the goal is reached")\n'
                "    allowed = terms.max_failed_trials\n",
                "    allowed = terms.max_failed_trials\n"
                "    goal = any(_reached(terms.objectives, trial) for trial in experiment.best)\n"
                "    if goal and (allowed is None or ended.fail <= allowed):\n"
                '        return End(ExperimentState.COMPLETE, "the goal is reached")\n',
            ),
            Mutant(
                "the experiment fails while trials are still running",
                "if experiment.hopeless and not any(trial.begun for trial in experiment.live):",
                "if experiment.hopeless:",
                (_GIVING_UP,),
            ),
            Mutant(
                "max_seconds has no effect",
                "if terms.max_seconds is not None and",
                "if False and",
            ),
            Mutant(
                "max_cost has no effect",
                "if terms.max_cost is not None and",
                "if False and",
            ),
            Mutant(
                "a clock that is behind reduces the elapsed time",
                "return now if begun is None else max(now, begun)",
                "return now",
            ),
            Mutant(
                "a trial that is stopped counts although no budget had run out",
                "eligible = end.spent and _eligible(experiment, trial)",
                "eligible = _eligible(experiment, trial)",
            ),
            Mutant(
                "constraints are ignored for trials that are stopped",
                "return not any(map(math.isnan, known)) and feasible(terms.constraints, values)",
                "return not any(map(math.isnan, known))",
            ),
            Mutant(
                "values of a lost attempt count when the next attempt is stopped",
                "        own=trial.attempt > 1,\n",
                "",
            ),
            Mutant(
                "the experiment ends while trials are running",
                "    if experiment.live:\n        return None\n",
                "",
            ),
            Mutant(
                "reaching one of several goals is enough",
                "return bool(goals) and all(",
                "return bool(goals) and any(",
            ),
        ),
    ),
    Source(
        "tunelet/core/experiment.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "a key is accepted for a different request",
                "if self.requests.get(key) != fingerprint:",
                "if False:",
            ),
            Mutant(
                "more trials are asked for than max_trials allows",
                "return max(0, min(count, self.terms.max_trials - self.next_number))",
                "return max(0, count)",
            ),
            Mutant(
                "suggestions are asked for after the space is exhausted",
                "if self.state is not ExperimentState.RUNNING or self.exhausted or self.hopeless:",
                "if self.state is not ExperimentState.RUNNING or self.hopeless:",
            ),
            Mutant(
                "a paused experiment asks for suggestions",
                "if self.state is not ExperimentState.RUNNING or self.exhausted or self.hopeless:",
                "if self.exhausted or self.hopeless:",
            ),
        ),
    ),
    Source(
        "tunelet/core/evolve.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "resuming an experiment begins no new epoch",
                "epoch=experiment.epoch + experiment.over,",
                "epoch=experiment.epoch,",
                (_EPOCHS,),
            ),
            Mutant(
                "a pause begins a new epoch",
                "epoch=experiment.epoch + experiment.over,",
                "epoch=experiment.epoch + 1,",
                (_EPOCHS,),
            ),
            Mutant(
                "a deletion begins no new epoch",
                "        epoch=experiment.epoch + 1,\n",
                "",
                (_EPOCHS,),
            ),
            Mutant(
                "time continues to count during a pause",
                "return replace(experiment, seconds=experiment.elapsed(at), running_since=None, **changes)",
                "return replace(experiment, seconds=experiment.elapsed(at), **changes)",
            ),
            Mutant(
                "a new algorithm gets the memory of the previous one",
                "return replace(after, memory=None, exhausted=False)",
                "return after",
                (_DECIDE,),
            ),
            Mutant(
                "constraints are ignored when the best trials are chosen",
                "eligible = pareto.feasible(terms.constraints, trial.values)",
                "eligible = True",
                (_DECIDE,),
            ),
            Mutant(
                "idempotency keys are never removed",
                "max(0, len(keys) - KEYS_KEPT)",
                "0",
                (_DECIDE,),
            ),
        ),
    ),
    Source(
        "tunelet/core/evolve_trial.py",
        (_DECIDE, _ATTEMPTS),
        (
            Mutant(
                "a second report of a step replaces its first value",
                "ordered[place] = replace(new, values={**new.values, **old.values})",
                "ordered[place] = replace(new, values={**old.values, **new.values})",
                (_ATTEMPTS,),
            ),
            Mutant(
                "a later attempt does not replace the values of steps it repeats",
                "elif old.attempt == new.attempt:",
                "elif True:",
            ),
            Mutant(
                "a lost attempt keeps its slot",
                '        reserved=False,\n        by="",\n        started_at=None,\n',
                '        by="",\n        started_at=None,\n',
            ),
            Mutant(
                "the next attempt has the number of the lost attempt",
                "attempt=trial.attempt + 1,",
                "attempt=trial.attempt,",
            ),
        ),
    ),
    Source(
        "tunelet/core/installation.py",
        ("tests/unit/tunelet/core/test_installation.py",),
        (
            Mutant(
                "an installation manages another installation's runs",
                'return not self.id or trial.by in ("", self.id)',
                "return True",
            ),
            Mutant(
                "an installation manages the trials of workers",
                "if lease_seconds(trial.by) is not None:",
                "if False:",
                ("tests/unit/tunelet/core/test_workers.py",),
            ),
            Mutant(
                "runs in a log of an older version belong to no installation",
                'return not self.id or trial.by in ("", self.id)',
                "return not self.id or trial.by == self.id",
            ),
            Mutant(
                "slots are taken for experiments that cannot run here",
                "return not self.id or own or self.can_run(experiment.typed_spec.code)",
                "return True",
            ),
            Mutant(
                "an installation takes more slots than it has places",
                "return max(0, min(left, self.places - own))",
                "return min(left, self.places)",
            ),
            Mutant(
                "a process runs trials of experiments that it has not joined",
                "if self.joins:",
                "if False:",
                ("tests/unit/tunelet/core/test_members.py",),
            ),
        ),
    ),
    Source(
        "tunelet/core/trial.py",
        ("tests/unit/tunelet/core/test_stalls.py",),
        (
            Mutant(
                "a report is no sign of life",
                "self.reported_at or 0.0, heard)",
                "heard)",
            ),
            Mutant(
                "a run that has not begun stalls",
                "if self.started_at is None or self.finished_at is not None:\n            return False",
                "if self.started_at is None:\n            return now >= seconds",
            ),
        ),
    ),
    Source(
        "tunelet/core/members.py",
        ("tests/unit/tunelet/core/test_members.py",),
        (
            Mutant(
                "a member uses the slots of other members",
                "return max(0, self.slots[installation] - own)",
                "return max(0, self.parallel - len(owners))",
            ),
            Mutant(
                "a member is counted twice",
                "return Members(others, self.slots | {installation: slots})",
                "return Members(others + slots, self.slots)",
            ),
        ),
    ),
    Source(
        "tunelet/log/leases.py",
        ("tests/unit/tunelet/log/test_leases.py",),
        (
            Mutant(
                "every lease counts as expired",
                "return now - since >= lease.seconds",
                "return True",
            ),
            Mutant("no lease ever expires", "return now - since >= lease.seconds", "return False"),
            Mutant(
                "a lease that was renewed expires",
                "begun = before is None or before.beat != lease.beat or self._stale(before, now)",
                "begun = before is None or self._stale(before, now)",
            ),
            Mutant(
                "an observation from long ago shows that a lease has expired",
                "begun = before is None or before.beat != lease.beat or self._stale(before, now)",
                "begun = before is None or before.beat != lease.beat",
            ),
            Mutant(
                "an observation never becomes too old to count",
                "return not 0 <= now - seen.looked <= self.seconds / 2",
                "return False",
            ),
            Mutant(
                "after sleeping, an installation launches runs without checking leases",
                "            return lapsed\n",
                "            return False\n",
            ),
            Mutant(
                "runs are launched although the lease expired and cannot be renewed",
                "                if lapsed:\n                    raise\n",
                "",
            ),
        ),
    ),
    Source(
        "tunelet/engine/loop.py",
        (_LAUNCHES, _LOOP),
        (
            Mutant(
                "more runs are launched than a lowered parallel_trials allows",
                "for trial in reserved[: max(0, free)] if by.owns(trial)]",
                "for trial in reserved if by.owns(trial)]",
            ),
            Mutant(
                "runs reserved by another installation are launched",
                "for trial in reserved[: max(0, free)] if by.owns(trial)]",
                "for trial in reserved[: max(0, free)]]",
                (_LAUNCHES,),
            ),
            Mutant(
                "a run that could not begin is launched again without a delay",
                "return [trial for trial in due if not trial.waits(now)]",
                "return due",
                ("tests/unit/tunelet/engine/test_postponed.py",),
            ),
            Mutant(
                "runs are launched while the experiment is paused",
                "    if experiment.state is not ExperimentState.RUNNING:\n        return []\n",
                "",
            ),
            Mutant(
                "a run launched while its experiment is deleted is not stopped",
                "            self._runs.stop(\n"
                "                run_of(experiment, trial.number, trial.attempt) for trial, _ in launched\n"
                "            )\n",
                "",
                (_LAUNCHES,),
            ),
            Mutant(
                "an algorithm without suggestions is asked again endlessly",
                "while self._by.room(experiment) > 0 and _asks(experiment) != asked:",
                "while self._by.room(experiment) > 0:",
                hangs=True,
            ),
        ),
    ),
    Source(
        "tunelet/engine/runs.py",
        (_LAUNCHES,),
        (
            Mutant(
                "a run that is not launched yet counts as lost",
                "            if trial.started_at is None and not seen.removed:\n                return []  # not launched yet\n",
                "",
                (_LAUNCHES, "tests/faults/test_crash_everywhere.py"),
            ),
            Mutant(
                "a run that no longer exists never ends",
                "return [commands.Finish(number, attempt, gone)]",
                "return []",
                (_LAUNCHES, "tests/faults/test_crash_everywhere.py"),
            ),
            Mutant(
                "runs of a deleted experiment continue in the next of its name",
                "if run.uid != experiment.uid or experiment.state is ExperimentState.DELETED:",
                "if experiment.state is ExperimentState.DELETED:",
            ),
            Mutant(
                "an earlier attempt continues while the next one runs",
                "return trial is not None and not trial.state.finished and trial.attempt == attempt",
                "return trial is not None and not trial.state.finished",
                (_LAUNCHES,),
            ),
            Mutant(
                "runs of another store are stopped",
                "return [run for run in runs if self._launcher.origin(run) in known]",
                "return list(runs)",
                ("tests/faults/test_two_stores.py",),
            ),
            Mutant(
                "runs of another store are stopped as strays",
                "self.stop(run for run in runs if self._launcher.origin(run) in (None, store))",
                "self.stop(runs)",
                ("tests/faults/test_two_stores.py",),
            ),
            Mutant(
                "a training that has reported its end is never stopped",
                "in_time = now < until and not ahead(trial.finished_at, now)",
                "in_time = True",
                ("tests/unit/functions/api/test_grace.py",),
            ),
            Mutant(
                "a run from before a restored store gives its values to another trial",
                'return not seen.digest or of_trial(trial) in ("", seen.digest)',
                "return True",
                ("tests/unit/adapters/launchers/kubernetes/test_restored.py",),
            ),
        ),
    ),
)
