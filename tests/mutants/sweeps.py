"""Sweeps: what they leave out, and when they pause."""

from tests.mutants.mutant import Mutant, Source

_QUIET = "tests/faults/test_quiet.py"
_RUNS = "tests/faults/test_quiet_runs.py"
_VERSIONS = "tests/unit/adapters/launchers/kubernetes/test_versions.py"

SWEEPS = (
    Source(
        "tunelet/engine/idle.py",
        (_RUNS,),
        (
            Mutant(
                "an experiment is left out although something happened to its runs",
                "            and _digest(self._runs.get(name, {})) == note.runs\n",
                "",
            ),
            Mutant(
                "a run that the log does not want is one of the quiet ones",
                "digest is None or listed.keys() != _running(experiment)",
                "digest is None",
            ),
            Mutant(
                "runs without a version count as unchanged",
                "    if not all(versions.values()):\n        return None\n",
                "",
            ),
            Mutant(
                "no look is due when a run may have stalled",
                "    if silence is not None:\n",
                "    if False:\n",
            ),
            Mutant(
                "an experiment with runs is not looked at for half an hour",
                "            most = LONGEST_RUNNING\n",
                "            pass\n",
            ),
            Mutant(
                "an experiment is left out although it has another marker",
                "            and note.is_of(markers)\n",
                "",
                (f"{_QUIET}::test_a_resume_that_dies_at_any_call_is_found_by_the_next_sweep",),
            ),
            Mutant(
                "a log that cannot be read counts as unchanged",
                "        except TuneletError:\n            return True\n",
                "        except TuneletError:\n            return False\n",
                (f"{_QUIET}::test_a_log_that_cannot_be_read_for_a_moment_is_looked_at",),
            ),
            Mutant(
                "a note from a clock that was ahead is relied on",
                "        return back or now",
                "        return now",
                (f"{_QUIET}::test_notes_by_a_wrong_clock_do_not_outlast_their_time",),
            ),
        ),
    ),
    Source(
        "tunelet/engine/sweep.py",
        (_RUNS,),
        (
            Mutant(
                "the lease ends while the runs of quiet experiments train",
                "        live = self._hold(quiet)\n",
                "        live = len(quiet)\n",
            ),
            Mutant(
                "the logs of quiet experiments are read to look for stray runs",
                "            self._stop_strays(loud, ",
                "            self._stop_strays(lives, ",
                (f"{_RUNS}::test_a_new_process_loads_no_log_of_runs_that_have_not_changed",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/kubernetes/versions.py",
        (_VERSIONS,),
        (
            Mutant(
                "a run whose output has to be read has a version",
                "    if not reports or owners",
                "    if owners",
            ),
            Mutant(
                "a run has a version although one of its pods has none",
                "if all(each) else",
                "if any(each) else",
            ),
        ),
    ),
    Source(
        "tunelet/log/arming.py",
        ("tests/faults/test_arming.py",),
        (
            Mutant(
                "a sweep disarms although a process relies on its own arming",
                "seen.active and not held",
                "seen.active",
            ),
            Mutant(
                "a sweep that finds a live experiment leaves the schedule idle",
                "            if live and not (look and look.seen.active):\n",
                "            if False:\n",
            ),
            Mutant(
                "a process relies on its own arming for ever",
                "not 0 <= self._clock() - self._armed_at < TRUSTED",
                "False",
            ),
        ),
    ),
)
