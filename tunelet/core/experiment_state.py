"""The states of an experiment, by the words that the log, the snapshots and the API have."""

from enum import StrEnum


class ExperimentState(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETE = "COMPLETE"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    DELETED = "DELETED"
    DAMAGED = "DAMAGED"
    """The state shown for an experiment with a damaged log. It is never stored."""

    @property
    def over(self) -> bool:
        """The experiment has ended, so that only a command can take it up again."""
        return self in _OVER


_OVER = (
    ExperimentState.COMPLETE,
    ExperimentState.STOPPED,
    ExperimentState.FAILED,
    ExperimentState.DELETED,
)
