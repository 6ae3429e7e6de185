"""The keys below `trials/`: what a trial leaves in the bucket besides its events.

    …/trials/{uid}/{number}/…                    its checkpoint
    …/trials/{uid}/{number}-{random}/…           the same, of a trial with a parent
    …/trials/{uid}/{number}.place                names the {number}-{random} in use
    …/trials/{uid}/{number}.output/{attempt}.gz  the output of an attempt
    …/trials/{uid}/{number}.{attempt}.lease      the lease of the worker that has the attempt
    …/trials/{uid}/checkpoints.json              which checkpoints are kept

A purge removes all of them with the experiment.
"""

from tunelet.core.run import Run


def trial_prefix(run: Run) -> str:
    """Return the beginning of all keys of the run's trial, and of nothing else if `/` or `.` is
    appended."""
    return f"v1/{run.namespace}/{run.experiment}/trials/{run.uid}/{run.number}"


def checkpoint_prefixes(run: Run) -> tuple[str, ...]:
    """Return the prefixes of all that the trial's checkpoint is."""
    return tuple(trial_prefix(run) + end for end in ("/", "-", ".place"))


def decided_key(run: Run) -> str:
    return f"v1/{run.namespace}/{run.experiment}/trials/{run.uid}/checkpoints.json"


def lease_key(run: Run) -> str:
    return f"{trial_prefix(run)}.{run.attempt}.lease"


def output_key(run: Run) -> str:
    return f"{trial_prefix(run)}.output/{run.attempt}.gz"
