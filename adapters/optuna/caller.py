"""How the log knows this process: each trial names the caller that has it."""

from itertools import count
from secrets import token_hex

from tunelet.core.trial import Trial

_WATCHED = "-watched"


class Caller:
    """Threads may share one."""

    def __init__(self) -> None:
        self.token = token_hex(6)
        self._calls = count(1)

    def revision(self) -> int:
        """Return a number that is above all earlier ones."""
        return next(self._calls)

    def once(self, watched: bool = False) -> str:
        """Return a name for one call, so that the log shows which call took or ended a trial.

        `watched` says that this process sends heartbeats for the trial.
        """
        return f"{self.token}-{self.revision()}{_WATCHED if watched else ''}"

    def has(self, trial: Trial) -> bool:
        """Whether this process created or took the trial."""
        return token_of(trial) == self.token


def token_of(trial: Trial) -> str:
    """Return the token of the caller that has the trial."""
    return trial.by.partition("-")[0]


def is_watched(trial: Trial) -> bool:
    """Whether the caller that has the trial sends heartbeats for it."""
    return trial.by.endswith(_WATCHED)
