"""Run tokens: the credential of one attempt, an HMAC over its identity. None is stored.

    {attempt}.{digest}.{HMAC}

The digest is the trial's (`tunelet.core.fingerprint.of_trial`). If an older copy of the store is
restored, another trial gets the number and the attempt, and the token of the old run is refused.
Older versions wrote tokens without a digest, as for trials that choose their hyperparameters.
"""

import hmac

from tunelet.core.experiment import Experiment
from tunelet.core.fingerprint import of_trial
from tunelet.core.run import Run
from tunelet.errors import Forbidden


class Tokens:
    """Issues and checks tokens with a secret that all functions share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, run: Run, digest: str = "") -> str:
        digests = [digest] if digest else []
        identity = "/".join(map(str, (*run, *digests))).encode()
        signature = hmac.digest(self._secret, identity, "sha256").hex()
        return ".".join([str(run.attempt), *digests, signature])

    def run(self, token: str, experiment: Experiment, number: int) -> Run:
        """Return the run that the token was issued for.

        Raises `Forbidden` if it is not a token of this trial.
        """
        text, *middle = token.split(".")[:-1] or [""]
        digest = ".".join(middle)
        if text.isascii() and text.isdigit() and len(text) < 10:
            attempt = int(text)
            run = Run(experiment.namespace, experiment.name, experiment.uid, number, attempt)
            if hmac.compare_digest(self.issue(run, digest).encode(), token.encode()):
                _check_digest(digest, experiment, run)
                return run
        raise Forbidden(f"the token is not one of trial {number} of {experiment.name!r}")


def _check_digest(digest: str, experiment: Experiment, run: Run) -> None:
    """Raise `Forbidden` if the trial's present attempt has other hyperparameters."""
    trial = experiment.trials.get(run.number)
    own = of_trial(trial) if trial is not None and trial.attempt == run.attempt else ""
    if digest and own and digest != own:
        raise Forbidden(
            f"the token is of a run of trial {run.number} of {experiment.name!r} with other"
            " hyperparameters (was an older copy of the store restored?); end that run"
        )
