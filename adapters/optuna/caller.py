"""The name of this process in the log: each trial names the caller that runs it."""

from itertools import count
from secrets import token_hex

from tunelet.core.trial import Trial

_WATCHED = "-watched"


class Caller:
    """The callers of one process. Thread-safe."""

    def __init__(self) -> None:
        self.token = token_hex(6)
        self._calls = count(1)

    def revision(self) -> int:
        """Return a number larger than all earlier ones."""
        return next(self._calls)

    def once(self, watched: bool = False) -> str:
        """Return a name for one call, so that the log shows which call claimed or ended a trial.

        `watched` says that this process sends heartbeats for the trial.
        """
        return f"{self.token}-{self.revision()}{_WATCHED if watched else ''}"

    def has(self, trial: Trial) -> bool:
        """Whether this process created or claimed the trial."""
        return token_of(trial) == self.token


def token_of(trial: Trial) -> str:
    """Return the token of the caller that runs the trial."""
    return trial.by.partition("-")[0]


def is_watched(trial: Trial) -> bool:
    """Whether the caller that runs the trial sends heartbeats for it."""
    return trial.by.endswith(_WATCHED)
