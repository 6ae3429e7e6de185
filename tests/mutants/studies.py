"""Studies of Optuna: what makes each call exact, and what a process that dies must not lose."""

from tests.mutants.mutant import Mutant, Source

_CORE = "tests/unit/tunelet/core/test_study.py"
_STORAGE = "tests/unit/adapters/optuna/test_storage.py"
_SERVICE = "tests/unit/adapters/optuna/test_service.py"
_HTTP = "tests/unit/functions/api/test_studies.py"
_TOUCHED = "tests/unit/tunelet/log/test_touched.py"
_LIVES = "tests/unit/tunelet/engine/test_studies.py"
_HEARTBEATS = "tests/unit/adapters/optuna/test_heartbeats.py"

STUDIES = (
    Source(
        "tunelet/core/study.py",
        (_CORE,),
        (
            Mutant(
                "a repeated creation creates two trials",
                "if command.key in experiment.keys:",
                "if False:",
            ),
            Mutant(
                "two callers take one waiting trial",
                "trial is None or trial.state is not TrialState.WAITING",
                "trial is None",
            ),
            Mutant(
                "an older change that comes late replaces a newer one",
                "trial is None or command.revision <= trial.revisions.get(command.by, -1)",
                "trial is None",
            ),
            Mutant(
                "a study has more trials than its identifiers can tell apart",
                "if experiment.next_number >= most:",
                "if False:",
            ),
            Mutant(
                "a paused study takes new trials",
                "if experiment.state is ExperimentState.PAUSED:",
                "if False:",
            ),
        ),
    ),
    Source(
        "tunelet/engine/loop.py",
        (_SERVICE,),
        (
            Mutant(
                "a sweep records the trials of a study as lost",
                "if experiment.over or experiment.study is not None:",
                "if experiment.over:",
            ),
        ),
    ),
    Source(
        "adapters/optuna/study.py",
        (_STORAGE,),
        (
            Mutant(
                "threads of a process take one waiting trial twice",
                "by = self._caller.once(watched)",
                "by = self._caller.token",
            ),
            Mutant(
                "two callers each believe that they have ended a trial",
                "if ended.by != by:",
                "if False:",
            ),
            Mutant(
                "a trial ends without its last changes",
                "number, by, TrialState[state.name], changes, final(values, objectives)",
                "number, by, TrialState[state.name], values=final(values, objectives)",
            ),
            Mutant(
                "changes of another process's trial are not in the log when the call returns",
                "own = self._has(number)",
                "own = True",
            ),
        ),
    ),
    Source(
        "adapters/optuna/soon.py",
        (_STORAGE,),
        (
            Mutant(
                "a process that ends loses the last changes",
                "Finalize(None, self._last, exitpriority=100)",
                "pass",
            ),
        ),
    ),
    Source(
        "adapters/optuna/storage.py",
        (_STORAGE,),
        (
            Mutant(
                "a forked process shares the threads and locks of its parent",
                "self._opened is None or self._opened[0] != os.getpid()",
                "self._opened is None",
            ),
        ),
    ),
    Source(
        "tunelet/log/touched.py",
        (_TOUCHED,),
        (
            Mutant(
                "a reader misses the end of a trial that has left the state",
                "gone = wanted - known.keys()",
                "gone = set[int]()",
            ),
        ),
    ),
    Source(
        "tunelet/log/tail.py",
        (_TOUCHED,),
        (
            Mutant(
                "every reader gets all trials of a study each time",
                "self.touched.add(entry)",
                "pass",
            ),
        ),
    ),
    Source(
        "tunelet/engine/studies.py",
        (_LIVES,),
        (
            Mutant(
                "a repeated creation is refused, because it created the study before",
                'if study is None or mark is None or study.get("key") != mark:',
                "if True:",
            ),
        ),
    ),
    Source(
        "tunelet/request/study_commands.py",
        (_HTTP,),
        (
            Mutant(
                "a value that is none of the choices makes the study unreadable",
                'return None if value in choices else "does not have the value among its choices"',
                "return None",
            ),
        ),
    ),
    Source(
        "adapters/optuna/heartbeats.py",
        (_HEARTBEATS,),
        (
            Mutant(
                "a process that dies before its first heartbeat leaves a trial running",
                "(n not in beats.beats and not is_watched(trial))",
                "n not in beats.beats",
            ),
            Mutant(
                "a trial without heartbeats is failed",
                "(n not in beats.beats and not is_watched(trial))",
                "False",
            ),
            Mutant(
                "clocks that differ by a second fail a trial",
                "> self._grace + SKEW",
                "> self._grace",
            ),
        ),
    ),
)
