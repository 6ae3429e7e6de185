"""The launchers: an attempt runs once, and its end is judged rightly."""

from tests.mutants.mutant import Mutant, Source

_SLOTS = "tests/unit/adapters/launchers/local/test_slots.py"
_LOCAL = "tests/contracts/test_process_launcher.py"
_READING = "tests/unit/adapters/launchers/local/test_observation.py"
_CUT = "tests/faults/test_power_cut.py"
_PODS = "tests/unit/adapters/launchers/kubernetes/test_pod_ends.py"
_OBJECTS = "tests/unit/adapters/launchers/kubernetes/test_objects.py"

LAUNCHING = (
    Source(
        "adapters/launchers/local/slots.py",
        (_SLOTS,),
        (
            Mutant(
                "racing launchers see each other's tries as held slots",
                "            fcntl.flock(gate, fcntl.LOCK_EX)\n",
                "",
            ),
            Mutant(
                "a slot is taken that another has",
                "fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)",
                "fcntl.flock(slot, fcntl.LOCK_SH | fcntl.LOCK_NB)",
            ),
            Mutant(
                "runs of a higher limit do not count",
                "while free and held + len(free) > self._limit:",
                "while False:",
            ),
            Mutant(
                "a free slot is not kept for who waits",
                "if len(free) > ahead:",
                "if free:",
            ),
            Mutant(
                "an experiment that no longer asks is waited for",
                "if each.called is not None and not 0 <= now - each.called < WAITING_SECONDS:",
                "if False:",
            ),
            Mutant(
                "a clock that is set back keeps a place for ever",
                "return abs(now - each.seen) < ASKED_SECONDS",
                "return now - each.seen < ASKED_SECONDS",
            ),
            Mutant(
                "a clock that is set back keeps a slot for who does not come for it",
                "not 0 <= now - each.called < WAITING_SECONDS:",
                "now - each.called >= WAITING_SECONDS:",
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/folder.py",
        (_LOCAL,),
        (
            Mutant(
                "a launch that has begun is discarded",
                "if same and not self.launched():",
                "if same:",
                (
                    f"{_LOCAL}::test_a_run_that_has_begun_is_not_discarded_by_a_launch_that_comes_late",
                ),
            ),
            Mutant(
                "a run that has ended was never launched",
                "return self.held() or self._begun()",
                "return self.held()",
                (_READING,),
            ),
            Mutant(
                "a launch that is under way was never begun",
                "return self.held() or self._begun()",
                "return self._begun()",
                (f"{_LOCAL}::test_a_launch_in_progress_counts_as_launched",),
            ),
            Mutant(
                "a signal goes to a later process with the shim's id",
                "            if self.held():\n                signal.pidfd_send_signal",
                "            if True:\n                signal.pidfd_send_signal",
                (_READING,),
            ),
            Mutant(
                "a failed launch keeps its lock",
                "        except OSError as error:\n            os.close(lock)\n",
                "        except OSError as error:\n",
                (_CUT,),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/observation.py",
        (_LOCAL, "tests/unit/tunelet/training/test_outcome.py"),
        (
            Mutant(
                "the end is looked for before the lock, so that a run that ends is lost",
                "        held = self._folder.held()\n        end = self._folder.end()\n",
                "        end = self._folder.end()\n        held = self._folder.held()\n",
                (_READING,),
            ),
            Mutant(
                "what a killed shim leaves goes on beside the next attempt",
                "        if end is None:\n            self._end_lost_run()\n",
                "",
                (f"{_LOCAL}::test_the_kill_of_a_shim_loses_the_run_and_ends_its_whole_tree",),
            ),
            Mutant(
                "a run that its machine ended is judged",
                "    if end.lost:\n",
                "    if False:\n",
                (f"{_LOCAL}::test_a_run_that_the_machine_ends_is_lost_and_not_a_failure",),
            ),
            Mutant(
                "a run that was stopped is judged",
                "if end.stopped or end.exit_code is None:",
                "if end.exit_code is None:",
                (f"{_LOCAL}::test_a_training_that_sees_the_stop_file_and_exits_is_not_judged",),
            ),
            Mutant(
                "a run past its time is judged by its exit",
                "    if end.timed_out:\n",
                "    if False:\n",
                (f"{_LOCAL}::TestProcessLauncher::test_a_run_past_its_time_fails",),
            ),
            Mutant(
                "a training that a signal asked to end is judged",
                "if number := _ended_by(end.exit_code):",
                "if number := 0:",
                (f"{_LOCAL}::test_a_training_that_ends_by_a_signal_that_asks_it_to_end_is_lost",),
            ),
            Mutant(
                "an output that was not read to its end gives a result",
                "outcome.exit_code != 0 or fault is None or",
                "True or",
                (f"{_LOCAL}::test_much_output_that_cannot_be_read_makes_no_value",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/launcher.py",
        (_LOCAL,),
        (
            Mutant(
                "active runs are forgotten with their experiment",
                "                if not folder.held():\n",
                "                if True:\n",
                (
                    f"{_LOCAL}::TestProcessLauncher::test_removing_an_experiment_forgets_its_ended_runs_only",
                ),
            ),
            Mutant(
                "a launch that comes twice takes a second place",
                "        if folder.launched():\n            return\n        plan",
                "        plan",
                (f"{_LOCAL}::test_a_launch_that_comes_twice_needs_no_second_place",),
            ),
            Mutant(
                "runs of every store are this one's",
                "modules=_modules(), store=launch.store",
                "modules=_modules()",
                ("tests/faults/test_two_stores.py",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/checkpoint_folder.py",
        (_LOCAL,),
        (
            Mutant(
                "a checkpoint folder is made in any store",
                "if _identity(above) == store)",
                "if _identity(above))",
                (f"{_LOCAL}::test_a_launch_makes_no_checkpoint_folder_where_its_store_is_not",),
            ),
            Mutant(
                "a store's folder that has vanished is made anew",
                "    if root is None:\n",
                "    if root is None:\n        return make_folders(str(folder))\n    if root is None:\n",
                (f"{_LOCAL}::test_a_launch_makes_no_checkpoint_folder_where_its_store_is_not",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/shim.py",
        (_LOCAL,),
        (
            Mutant(
                "descendants outlive the training",
                "    while tree.reap():\n        tree.kill(signal.SIGKILL)\n",
                "    while tree.reap() and tree.status is None:\n        tree.kill(signal.SIGKILL)\n",
                (f"{_LOCAL}::test_processes_that_a_run_leaves_are_killed",),
            ),
            Mutant(
                "a stop that came before the shim listened is not heard",
                "if any((signals.end_requested, _asked(folder))):",
                "if signals.end_requested:",
                (f"{_LOCAL}::test_a_stop_that_comes_before_the_shim_is_up_is_obeyed",),
            ),
            Mutant(
                "the machine's signal at the very end is not heard",
                'return end | {"lost": signals.end_requested}',
                "return end",
                (
                    f"{_LOCAL}::test_a_training_that_the_machine_ends_before_its_shim_is_lost_though_it_exits_with_0",
                    f"{_LOCAL}::test_a_run_that_the_machine_ends_is_lost_and_not_a_failure",
                ),
            ),
            Mutant(
                "no time is left for a signal meant for training and shim",
                "over = time.monotonic() + tree.settling()",
                "over = time.monotonic()",
                (
                    f"{_LOCAL}::test_a_training_that_the_machine_ends_before_its_shim_is_lost_though_it_exits_with_0",
                ),
            ),
            Mutant(
                "a full disk loses the end",
                "patiently(lambda: _write_end(folder, metrics, lambda: weighed(end, folder, signals)))",
                "_write_end(folder, metrics, lambda: weighed(end, folder, signals))",
                (f"{_CUT}::test_an_end_that_finds_the_disk_full_is_written_later",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/kubernetes/labels.py",
        (_PODS, _OBJECTS),
        (
            Mutant(
                "an attempt's objects are not told from another's",
                "return Run(namespace, experiment, uid, int(number), int(attempt))",
                "return Run(namespace, experiment, uid, int(number), 1)",
            ),
            Mutant(
                "installations are not told apart",
                "chosen = labels(run, installation) if run is not None else {INSTALLATION: installation}",
                "chosen = labels(run, installation) if run is not None else {}",
                (
                    "tests/unit/adapters/launchers/kubernetes/test_jobwatch.py",
                    "tests/unit/adapters/launchers/kubernetes/test_manifest.py",
                    _OBJECTS,
                ),
            ),
        ),
    ),
    Source(
        "adapters/launchers/kubernetes/objects.py",
        (_OBJECTS,),
        (
            Mutant(
                "an object of somebody else is taken for ours when a run is launched",
                "        if body is None or run_of(body) != run:\n",
                "        if body is None:\n",
            ),
            Mutant(
                "an object of somebody else is taken for ours when a run is looked for",
                "    if record is None or run_of(body) != run:\n",
                "    if record is None:\n",
            ),
            Mutant(
                "a container may start before all is there",
                "        made = self._make(path, thing) or self._ours(path, launch.run)\n",
                "        self._make(self._core(launch.run, 'secrets'), manifest.secret(launch, place, thing))\n"
                "        made = self._make(path, thing) or self._ours(path, launch.run)\n",
            ),
        ),
    ),
    Source(
        "adapters/launchers/kubernetes/launcher.py",
        (_PODS, _OBJECTS),
        (
            Mutant(
                "an object that is being deleted is judged",
                "if thing is None or thing.deleting:",
                "if thing is None:",
            ),
            Mutant(
                "a run is gone while its pods still write",
                "if thing is None and all(map(diagnosis.over, pods)):",
                "if thing is None:",
            ),
            Mutant(
                "a condemned run has ended while its pods still run",
                "if condemned is not None and diagnosis.job_end(thing.body) is not None:",
                "if condemned is not None:",
            ),
            Mutant(
                "a success without a pod counts",
                "            return Observation(phase=Phase.ENDED, outcome=Outcome(Verdict.LOST, reason=gone))\n",
                "            return Observation(phase=Phase.ENDED, outcome=Outcome(Verdict.COMPLETE))\n",
            ),
            Mutant(
                "a training that was cut off and exited with 0 counts",
                "if doubt := disruption.doubt(job, pods, pod, record.container):",
                "if doubt := None:",
            ),
            Mutant(
                "an output that was not read to its end counts",
                "    if not seen.read:\n",
                "    if False:\n",
            ),
            Mutant(
                "a stopped run's object goes before its pods",
                'self._objects.delete(thing, "Foreground")\n\n    def logs',
                'self._objects.delete(thing, "Background")\n\n    def logs',
            ),
        ),
    ),
    Source(
        "adapters/launchers/kubernetes/disruption.py",
        ("tests/unit/adapters/launchers/kubernetes/test_disruption.py", _PODS),
        (
            Mutant(
                "a success in the same moment as its disruption counts",
                "ended + SKEW_SECONDS < struck.at",
                "ended <= struck.at",
            ),
            Mutant(
                "a success whose end is not known counts",
                "(ended is not None and ended + SKEW_SECONDS < struck.at)",
                "(ended is None or ended + SKEW_SECONDS < struck.at)",
            ),
            Mutant(
                "pods that were deleted are not missed",
                'return "a pod of the run was deleted before its end was seen" if left < succeeded else None',
                "return None",
            ),
            Mutant(
                "other pods of a run do not count",
                "    return beside(stayed, trained, container, strict=job is None)\n",
                "    return None\n",
            ),
            Mutant(
                "a pod that failed and was replaced counts",
                'if (pod.get("status") or {}).get("phase") != "Failed"]',
                "]",
            ),
        ),
    ),
)
