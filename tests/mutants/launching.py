"""The launchers: an attempt runs once, and its end is judged rightly."""

from tests.mutants.mutant import Mutant, Source

_SLOTS = "tests/unit/adapters/launchers/local/test_slots.py"
_LOCAL = "tests/contracts/process_launcher"
_LAUNCHES = f"{_LOCAL}/test_launches.py"
_ENDS = f"{_LOCAL}/test_ends.py"
_VALUES = f"{_LOCAL}/test_values.py"
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
                "concurrent launchers mistake each other's attempts for held slots",
                "            fcntl.flock(gate, fcntl.LOCK_EX)\n",
                "",
            ),
            Mutant(
                "a slot is taken although another process holds it",
                "fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)",
                "fcntl.flock(slot, fcntl.LOCK_SH | fcntl.LOCK_NB)",
            ),
            Mutant(
                "runs started under a higher limit are not counted",
                "while free and held + len(free) > self._limit:",
                "while False:",
            ),
            Mutant(
                "a free slot is not kept for the experiment that waits",
                "if len(free) > ahead:",
                "if free:",
            ),
            Mutant(
                "a slot is kept for an experiment that no longer asks",
                "if each.called is not None and not 0 <= now - each.called < WAITING_SECONDS:",
                "if False:",
            ),
            Mutant(
                "a clock that is set back keeps a place in the queue forever",
                "return abs(now - each.seen) < ASKED_SECONDS",
                "return now - each.seen < ASKED_SECONDS",
            ),
            Mutant(
                "a clock that is set back keeps a slot that nobody takes",
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
                "the folder of a launched run is removed",
                "if same and not self.launched():",
                "if same:",
                (
                    f"{_LAUNCHES}::test_a_run_that_has_begun_is_not_discarded_by_a_launch_that_comes_late",
                ),
            ),
            Mutant(
                "a run that has ended counts as not launched",
                "return self.held() or self._begun()",
                "return self.held()",
                (_READING,),
            ),
            Mutant(
                "a launch in progress counts as not launched",
                "return self.held() or self._begun()",
                "return self._begun()",
                (f"{_LAUNCHES}::test_a_launch_in_progress_counts_as_launched",),
            ),
            Mutant(
                "a signal is sent to a later process with the shim's id",
                "            if self.held():\n                signal.pidfd_send_signal",
                "            if True:\n                signal.pidfd_send_signal",
                (_READING,),
            ),
            Mutant(
                "the lock is not released after a failed launch",
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
                "the end is read before the lock, so a run that ends then is lost",
                "        held = self._folder.held()\n        end = self._folder.end()\n",
                "        end = self._folder.end()\n        held = self._folder.held()\n",
                (_READING,),
            ),
            Mutant(
                "processes of a killed shim continue while the next attempt runs",
                "        if end is None:\n            self._end_lost_run()\n",
                "",
                (f"{_ENDS}::test_the_kill_of_a_shim_loses_the_run_and_ends_its_whole_tree",),
            ),
            Mutant(
                "a run that its machine stopped gets a result",
                "    if end.lost:\n",
                "    if False:\n",
                (f"{_ENDS}::test_a_run_that_the_machine_ends_is_lost_and_not_a_failure",),
            ),
            Mutant(
                "a run that was stopped gets a result",
                "if end.stopped or end.exit_code is None:",
                "if end.exit_code is None:",
                (f"{_ENDS}::test_a_training_that_sees_the_stop_file_and_exits_is_not_judged",),
            ),
            Mutant(
                "the exit code decides about a run that timed out",
                "    if end.timed_out:\n",
                "    if False:\n",
                (f"{_LAUNCHES}::TestProcessLauncher::test_a_run_past_its_time_fails",),
            ),
            Mutant(
                "a training that a signal ended gets a result",
                "if number := _ended_by(end.exit_code):",
                "if number := 0:",
                (f"{_ENDS}::test_a_training_that_ends_by_a_signal_that_asks_it_to_end_is_lost",),
            ),
            Mutant(
                "a run whose output was not read to its end gets a result",
                "outcome.exit_code != 0 or fault is None or",
                "True or",
                (f"{_VALUES}::test_much_output_that_cannot_be_read_makes_no_value",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/launcher.py",
        (_LOCAL,),
        (
            Mutant(
                "active runs are removed with their experiment",
                "                if not folder.held():\n",
                "                if True:\n",
                (
                    f"{_LAUNCHES}::TestProcessLauncher::test_removing_an_experiment_forgets_its_ended_runs_only",
                ),
            ),
            Mutant(
                "a repeated launch takes a second slot",
                "        if folder.launched():\n            return\n        plan",
                "        plan",
                (f"{_LAUNCHES}::test_a_launch_that_comes_twice_needs_no_second_place",),
            ),
            Mutant(
                "runs do not record their store",
                "            store=launch.store,\n",
                "",
                ("tests/faults/test_two_stores.py",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/checkpoint_folder.py",
        (_LOCAL,),
        (
            Mutant(
                "a checkpoint folder is created in a different store",
                "if _identity(above) == store)",
                "if _identity(above))",
                (f"{_LAUNCHES}::test_a_launch_makes_no_checkpoint_folder_where_its_store_is_not",),
            ),
            Mutant(
                "a store's folder that is missing is created again",
                "    if root is None:\n",
                "    if root is None:\n        return make_folders(str(folder))\n    if root is None:\n",
                (f"{_LAUNCHES}::test_a_launch_makes_no_checkpoint_folder_where_its_store_is_not",),
            ),
        ),
    ),
    Source(
        "adapters/launchers/local/shim.py",
        (_LOCAL,),
        (
            Mutant(
                "descendants continue after the training has ended",
                "    while tree.reap():\n        tree.kill(signal.SIGKILL)\n",
                "    while tree.reap() and tree.status is None:\n        tree.kill(signal.SIGKILL)\n",
                (f"{_ENDS}::test_processes_that_a_run_leaves_are_killed",),
            ),
            Mutant(
                "a stop request made before the shim listens is ignored",
                "if any((signals.end_requested, _asked(folder))):",
                "if signals.end_requested:",
                (f"{_ENDS}::test_a_stop_that_comes_before_the_shim_is_up_is_obeyed",),
            ),
            Mutant(
                "a signal from the machine at the very end is ignored",
                'return end | {"lost": signals.end_requested}',
                "return end",
                (
                    f"{_ENDS}::test_a_training_that_the_machine_ends_before_its_shim_is_lost_though_it_exits_with_0",
                    f"{_ENDS}::test_a_run_that_the_machine_ends_is_lost_and_not_a_failure",
                ),
            ),
            Mutant(
                "the shim does not wait for a signal sent to the training and itself",
                "over = time.monotonic() + tree.settling()",
                "over = time.monotonic()",
                (
                    f"{_ENDS}::test_a_training_that_the_machine_ends_before_its_shim_is_lost_though_it_exits_with_0",
                ),
            ),
            Mutant(
                "the end of a run is lost if the disk is full",
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
                "objects of different attempts are not distinguished",
                "return Run(namespace, experiment, uid, int(number), int(attempt))",
                "return Run(namespace, experiment, uid, int(number), 1)",
            ),
            Mutant(
                "installations are not distinguished",
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
                "somebody else's object is mistaken for the run's at a launch",
                "        if body is None or run_of(body) != run:\n",
                "        if body is None:\n",
            ),
            Mutant(
                "somebody else's object is mistaken for the run's at a look-up",
                "    if record is None or run_of(body) != run:\n",
                "    if record is None:\n",
            ),
            Mutant(
                "a container can start before its secret exists",
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
                "an object that is being deleted gives a result",
                "if thing is None or thing.deleting:",
                "if thing is None:",
            ),
            Mutant(
                "a run counts as gone while its pods are still running",
                "if thing is None and all(map(diagnosis.over, pods)):",
                "if thing is None:",
            ),
            Mutant(
                "a run that is being stopped counts as ended while its pods run",
                "if condemned is not None and diagnosis.job_end(thing.body) is not None:",
                "if condemned is not None:",
            ),
            Mutant(
                "a run without any pod completes",
                "            return Observation(phase=Phase.ENDED, outcome=Outcome(Verdict.LOST, reason=gone))\n",
                "            return Observation(phase=Phase.ENDED, outcome=Outcome(Verdict.COMPLETE))\n",
            ),
            Mutant(
                "a training that was disrupted and exited with 0 completes",
                "if doubt := disruption.doubt(job, pods, pod, record.container):",
                "if doubt := None:",
            ),
            Mutant(
                "a run whose output was not read to its end completes",
                "    if not seen.read:\n",
                "    if False:\n",
            ),
            Mutant(
                "a stopped run's object is deleted before its pods",
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
                "a run that succeeds at the moment of its disruption completes",
                "ended + SKEW_SECONDS < struck.at",
                "ended <= struck.at",
            ),
            Mutant(
                "a disrupted run completes although its end time is unknown",
                "(ended is not None and ended + SKEW_SECONDS < struck.at)",
                "(ended is None or ended + SKEW_SECONDS < struck.at)",
            ),
            Mutant(
                "pods that were deleted go unnoticed",
                'return "a pod of the run was deleted before its end was seen" if left < succeeded else None',
                "return None",
            ),
            Mutant(
                "the other pods of a run are ignored",
                "    return beside(stayed, trained, container, strict=job is None)\n",
                "    return None\n",
            ),
            Mutant(
                "a failed pod that was replaced still counts",
                'if (pod.get("status") or {}).get("phase") != "Failed"]',
                "]",
            ),
        ),
    ),
)
