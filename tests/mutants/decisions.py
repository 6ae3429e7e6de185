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
                "a life begins that was not announced",
                "if announced not in (None, experiment.epoch):",
                "if False:",
                (_EPOCHS,),
            ),
            Mutant(
                "suggestions for an old past are accepted",
                "if command.first != experiment.next_number or room == 0:",
                "if room == 0:",
            ),
            Mutant(
                "suggestions go beyond the room",
                "chosen = command.assignments[:room]",
                "chosen = command.assignments",
            ),
            Mutant(
                "suggestions of a replaced algorithm are accepted",
                'if command.asked not in (None, experiment.spec.get("hpo_algorithm")):',
                "if False:",
            ),
            Mutant(
                "an answer cut short exhausts the space",
                "exhausted = command.exhausted and len(chosen) == len(command.assignments)",
                "exhausted = command.exhausted",
            ),
            Mutant(
                "a key enqueues each time",
                "if command.key is not None and command.key in experiment.keys:",
                "if False:",
            ),
            Mutant(
                "a key is good for another enqueue",
                "if experiment.requests.get(command.key) != of_enqueue(",
                "if False and experiment.requests.get(command.key) != of_enqueue(",
            ),
            Mutant(
                "a key is good for another submit",
                "if experiment.requests.get(command.key) != of_submit(command.spec):",
                "if False:",
            ),
            Mutant(
                "a submit takes a name that is taken",
                "if command.key is None or command.key not in experiment.keys:",
                "if command.key is not None and command.key not in experiment.keys:",
            ),
            Mutant(
                "enqueued trials go beyond max_trials",
                "if len(command.assignments) > left:",
                "if False:",
            ),
            Mutant(
                "trials are enqueued after the end",
                "    if experiment.over:\n        raise Conflict(\n"
                '            f"experiment {experiment.name!r} has ended ({experiment.reason}); extend',
                "    if False:\n        raise Conflict(\n"
                '            f"experiment {experiment.name!r} has ended ({experiment.reason}); extend',
            ),
            Mutant(
                "what comes after a trial's end changes it",
                "if trial is None or trial.state.finished or attempt < trial.attempt:",
                "if trial is None or attempt < trial.attempt:",
            ),
            Mutant(
                "an earlier attempt is heard",
                "if trial is None or trial.state.finished or attempt < trial.attempt:",
                "if trial is None or trial.state.finished:",
            ),
            Mutant(
                "an attempt that never was is heard",
                "if attempt > trial.attempt:",
                "if False:",
            ),
            Mutant(
                "a trial that never was is passed over",
                "    if n >= experiment.next_number:\n",
                "    if n > experiment.next_number:\n",
            ),
            Mutant(
                "a trial starts without a slot",
                "if not trial.reserved:",
                "if False:",
            ),
            Mutant(
                "a lost trial is tried once more than allowed",
                "return not outcome.counted or trial.counted < experiment.terms.max_attempts",
                "return not outcome.counted or trial.counted <= experiment.terms.max_attempts",
            ),
            Mutant(
                "a lost run is a verdict on its hyperparameters",
                "if outcome.verdict is Verdict.LOST and _tried_again(experiment, trial, outcome):",
                "if False:",
            ),
            Mutant(
                "an attempt that could not begin is one of max_attempts",
                "return not outcome.counted or trial.counted < experiment.terms.max_attempts",
                "return trial.counted < experiment.terms.max_attempts",
                (_ATTEMPTS,),
            ),
            Mutant(
                "values that were not read to their end count",
                "if outcome.unread and outcome.verdict is Verdict.COMPLETE:",
                "if False:",
            ),
            Mutant(
                "a trial ends well without its objective",
                "if objective.metric not in values:",
                "if False:",
            ),
            Mutant(
                "NaN is a value of an objective",
                "if math.isnan(number(values[objective.metric])):",
                "if False:",
            ),
            Mutant(
                "values of a lost attempt count for the next",
                "        own=trial.attempt > 1,\n        exit_code",
                "        own=False,\n        exit_code",
            ),
            Mutant(
                "max_trials shrinks below the trials that exist",
                "if limit is not None and limit < experiment.next_number:",
                "if False:",
            ),
            Mutant(
                "what has spent its budget is resumed",
                "(due := ends.due(after, now)) is not None:",
                "(due := ends.due(after, now)) is not None and False:",
            ),
            Mutant(
                "an experiment that an extension takes up again is in no new epoch",
                "return _in_next_epoch(experiment, epoch, *resumed) if goes_on else extended",
                "return resumed if goes_on else extended",
                (_EPOCHS,),
            ),
            Mutant(
                "slots are given beyond parallel_trials",
                "for trial in waiting[: max(0, by.slots(experiment))]",
                "for trial in waiting",
            ),
            Mutant(
                "no free slot gives one from the end",
                "for trial in waiting[: max(0, by.slots(experiment))]",
                "for trial in waiting[: by.slots(experiment)]",
            ),
            Mutant(
                "slots are given in a pause",
                "return _reserve(experiment, by) if experiment.state is ExperimentState.RUNNING else ()",
                "return _reserve(experiment, by)",
            ),
            Mutant(
                "new trials begin though all have failed alike",
                "for trial in waiting if trial.begun or not experiment.hopeless]",
                "if not trial.active",
                (_GIVING_UP,),
            ),
            Mutant(
                "what is not due yet expires",
                "return () if due is None or due > now * 1000 else (events.Deleted(at=now),)",
                "return () if due is None else (events.Deleted(at=now),)",
                (_RETENTION,),
            ),
            Mutant(
                "what was taken up again expires",
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
                "one failure less than allowed ends it",
                "if allowed is not None and ended.fail > allowed:",
                "if allowed is not None and ended.fail >= allowed:",
            ),
            Mutant(
                "failures come before the goal",
                "    if any(_reached(terms.objectives, trial) for trial in experiment.best):\n"
                '        return End(ExperimentState.COMPLETE, "the goal is reached")\n'
                "    allowed = terms.max_failed_trials\n",
                "    allowed = terms.max_failed_trials\n"
                "    goal = any(_reached(terms.objectives, trial) for trial in experiment.best)\n"
                "    if goal and (allowed is None or ended.fail <= allowed):\n"
                '        return End(ExperimentState.COMPLETE, "the goal is reached")\n',
            ),
            Mutant(
                "it gives up before those that run have ended",
                "if experiment.hopeless and not any(trial.begun for trial in experiment.live):",
                "if experiment.hopeless:",
                (_GIVING_UP,),
            ),
            Mutant(
                "time is no budget",
                "if terms.max_seconds is not None and",
                "if False and",
            ),
            Mutant(
                "money is no budget",
                "if terms.max_cost is not None and",
                "if False and",
            ),
            Mutant(
                "a clock that is behind takes from the time that has passed",
                "return now if begun is None else max(now, begun)",
                "return now",
            ),
            Mutant(
                "a trial that is cut off counts though it met no end of a budget",
                "eligible = end.spent and _eligible(experiment, trial)",
                "eligible = _eligible(experiment, trial)",
            ),
            Mutant(
                "constraints do not hold for what is cut off",
                "return not any(map(math.isnan, known)) and feasible(terms.constraints, values)",
                "return not any(map(math.isnan, known))",
            ),
            Mutant(
                "the values of a lost attempt count when the next is cut off",
                "        own=trial.attempt > 1,\n",
                "",
            ),
            Mutant(
                "it ends while trials run",
                "    if experiment.live:\n        return None\n",
                "",
            ),
            Mutant(
                "one goal of several is enough",
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
                "there is room beyond max_trials",
                "return max(0, min(slots, self.terms.max_trials - self.next_number))",
                "return max(0, slots)",
            ),
            Mutant(
                "an exhausted space is asked again",
                "if self.state is not ExperimentState.RUNNING or self.exhausted or self.hopeless:",
                "if self.state is not ExperimentState.RUNNING or self.hopeless:",
            ),
            Mutant(
                "a paused experiment asks for trials",
                "if self.state is not ExperimentState.RUNNING or self.exhausted or self.hopeless:",
                "if self.exhausted or self.hopeless:",
            ),
            Mutant(
                "an experiment that is taken up again is in its old epoch",
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
                "a deletion begins no epoch",
                "        epoch=experiment.epoch + 1,\n",
                "",
                (_EPOCHS,),
            ),
            Mutant(
                "the second value of a step takes the place of the first",
                "ordered[place] = replace(new, values={**new.values, **old.values})",
                "ordered[place] = replace(new, values={**old.values, **new.values})",
                (_ATTEMPTS,),
            ),
            Mutant(
                "a later attempt does not replace the steps that it trains again",
                "elif old.attempt == new.attempt:",
                "elif True:",
            ),
            Mutant(
                "a lost attempt keeps its slot",
                '        reserved=False,\n        by="",\n        started_at=None,\n',
                '        by="",\n        started_at=None,\n',
            ),
            Mutant(
                "the next attempt has the number of the lost one",
                "attempt=trial.attempt + 1,",
                "attempt=trial.attempt,",
            ),
            Mutant(
                "the clock runs on in a pause",
                "return replace(experiment, seconds=experiment.elapsed(at), running_since=None, **changes)",
                "return replace(experiment, seconds=experiment.elapsed(at), **changes)",
            ),
            Mutant(
                "a new algorithm finds the memory of its predecessor",
                "return replace(after, memory=None, exhausted=False)",
                "return after",
                (_DECIDE,),
            ),
            Mutant(
                "constraints do not hold for the best",
                "eligible = pareto.feasible(terms.constraints, trial.values)",
                "eligible = True",
                (_DECIDE,),
            ),
            Mutant(
                "idempotency keys are kept for ever",
                "[-KEYS_KEPT:]",
                "[:]",
                (_DECIDE,),
            ),
        ),
    ),
    Source(
        "tunelet/core/installation.py",
        ("tests/unit/tunelet/core/test_installation.py",),
        (
            Mutant(
                "another installation's runs are looked after",
                'return not self.id or trial.by in ("", self.id)',
                "return True",
            ),
            Mutant(
                "runs of an older log are nobody's",
                'return not self.id or trial.by in ("", self.id)',
                "return not self.id or trial.by == self.id",
            ),
            Mutant(
                "slots are taken for what cannot run here",
                "return not self.id or own or self.can_run(experiment.typed_spec.code)",
                "return True",
            ),
            Mutant(
                "more slots are taken than there are places",
                "return max(0, min(left, self.places - own))",
                "return min(left, self.places)",
            ),
            Mutant(
                "a process works on experiments that it has not joined",
                "if self.joins:",
                "if False:",
                ("tests/unit/tunelet/core/test_members.py",),
            ),
        ),
    ),
    Source(
        "tunelet/core/members.py",
        ("tests/unit/tunelet/core/test_members.py",),
        (
            Mutant(
                "a member has the slots of others",
                "return max(0, self.slots[installation] - own)",
                "return max(0, self.parallel - len(owners))",
            ),
            Mutant(
                "a member counts twice",
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
                "a lease is over as soon as it is looked at",
                "return now - since >= lease.seconds",
                "return True",
            ),
            Mutant("a lease is never over", "return now - since >= lease.seconds", "return False"),
            Mutant(
                "a lease that was renewed is over",
                "begun = before is None or before.beat != lease.beat or self._stale(before, now)",
                "begun = before is None or self._stale(before, now)",
            ),
            Mutant(
                "a look long ago says that a lease is over",
                "begun = before is None or before.beat != lease.beat or self._stale(before, now)",
                "begun = before is None or before.beat != lease.beat",
            ),
            Mutant(
                "a look long ago counts",
                "return not 0 <= now - seen.looked <= self.seconds / 2",
                "return False",
            ),
            Mutant(
                "an installation that slept launches before it has looked",
                "            return lapsed\n",
                "            return False\n",
            ),
            Mutant(
                "launches begin though the lease is over and cannot be renewed",
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
                "runs are launched beyond a lowered parallel_trials",
                "for trial in reserved[: max(0, free)] if by.owns(trial)]",
                "for trial in reserved if by.owns(trial)]",
            ),
            Mutant(
                "runs that another installation is to launch are launched",
                "for trial in reserved[: max(0, free)] if by.owns(trial)]",
                "for trial in reserved[: max(0, free)]]",
                (_LAUNCHES,),
            ),
            Mutant(
                "a run that could not begin just now is launched again at once",
                "return [trial for trial in due if not trial.waits(now)]",
                "return due",
                ("tests/unit/tunelet/engine/test_postponed.py",),
            ),
            Mutant(
                "runs are launched in a pause",
                "    if experiment.state is not ExperimentState.RUNNING:\n        return []\n",
                "",
            ),
            Mutant(
                "a run that is launched while its experiment is deleted goes on",
                "            self._runs.stop(\n"
                "                run_of(experiment, trial.number, trial.attempt) for trial, _ in launched\n"
                "            )\n",
                "",
                (_LAUNCHES,),
            ),
            Mutant(
                "an algorithm with nothing to give is asked for ever",
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
                "a run that is not launched yet is lost",
                "            if trial.started_at is None and not seen.removed:\n                return []  # not launched yet\n",
                "",
                (_LAUNCHES, "tests/faults/test_crash_everywhere.py"),
            ),
            Mutant(
                "a run of which nothing is left is waited for",
                "return [commands.Finish(number, attempt, gone)]",
                "return []",
                (_LAUNCHES, "tests/faults/test_crash_everywhere.py"),
            ),
            Mutant(
                "runs of an earlier life go on in the next",
                "if run.uid != experiment.uid or experiment.state is ExperimentState.DELETED:",
                "if experiment.state is ExperimentState.DELETED:",
            ),
            Mutant(
                "an earlier attempt goes on beside the next",
                "return trial is not None and not trial.state.finished and trial.attempt == attempt",
                "return trial is not None and not trial.state.finished",
                (_LAUNCHES,),
            ),
            Mutant(
                "another store's runs are ended",
                "return [run for run in runs if self._launcher.origin(run) in (None, self._identity.known())]",
                "return list(runs)",
                ("tests/faults/test_two_stores.py",),
            ),
            Mutant(
                "runs that another store knows are ended as strays",
                "self.stop(run for run in runs if self._launcher.origin(run) in (None, store))",
                "self.stop(runs)",
                ("tests/faults/test_two_stores.py",),
            ),
            Mutant(
                "a training that has reported its end may go on for ever",
                "in_time = now < until and not ahead(trial.finished_at, now)",
                "in_time = True",
                ("tests/unit/functions/api/test_grace.py",),
            ),
        ),
    ),
)
