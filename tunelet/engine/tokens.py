"""Run tokens: the credential of one attempt, an HMAC over its identity. None is stored."""

import hmac

from tunelet.core.experiment import Experiment
from tunelet.core.run import Run
from tunelet.errors import Forbidden


class Tokens:
    """Issues and checks tokens with a secret that all functions share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, run: Run) -> str:
        identity = "/".join(map(str, run)).encode()
        return f"{run.attempt}.{hmac.digest(self._secret, identity, 'sha256').hex()}"

    def run(self, token: str, experiment: Experiment, number: int) -> Run:
        """Return the run that the token was issued for.

        Raises `Forbidden` if it is not a token of this trial.
        """
        text = token.partition(".")[0]
        if text.isascii() and text.isdigit() and len(text) < 10:
            attempt = int(text)
            run = Run(experiment.namespace, experiment.name, experiment.uid, number, attempt)
            if hmac.compare_digest(self.issue(run).encode(), token.encode()):
                return run
        raise Forbidden(f"the token is not one of trial {number} of {experiment.name!r}")
