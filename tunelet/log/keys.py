"""The keys below `trials/`: what a trial leaves in the bucket besides its events.

    v1/{namespace}/{experiment}/trials/{uid}/{number}/…                  its checkpoint
    v1/{namespace}/{experiment}/trials/{uid}/{number}.output/{attempt}.gz  the output of an attempt

A purge removes all of them with the experiment.
"""

from tunelet.core.run import Run


def trial_prefix(run: Run) -> str:
    """Return the beginning of all keys of the run's trial, and of nothing else if `/` or `.` is
    appended."""
    return f"v1/{run.namespace}/{run.experiment}/trials/{run.uid}/{run.number}"


def output_key(run: Run) -> str:
    return f"{trial_prefix(run)}.output/{run.attempt}.gz"
