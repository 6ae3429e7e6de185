"""The beginning of an experiment: the checks of its request, and the first entry of its log."""

import secrets
from hashlib import sha256
from typing import Any

from tunelet.core import commands
from tunelet.core.experiment import Experiment
from tunelet.core.run import COMMAND
from tunelet.engine.allowance import Allowance
from tunelet.engine.loop import Loop
from tunelet.engine.membership import Membership
from tunelet.errors import Conflict, FieldError, NotFound, OverQuota, Reject
from tunelet.log.entry import Damaged, Newer
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.ports import Catalog, Launcher
from tunelet.request.policy import Policies
from tunelet.store_probe import Probed


class Submitting:
    """Begins experiments."""

    def __init__(
        self,
        catalog: Catalog,
        launcher: Launcher,
        probed: Probed,
        journals: Journals,
        markers: Markers,
        allowance: Allowance,
        membership: Membership,
        loop: Loop,
        policies: Policies,
        allows_commands: bool = False,
    ) -> None:
        self._catalog = catalog
        self._launcher = launcher
        self._probed = probed
        self._journals = journals
        self._markers = markers
        self._allowance = allowance
        self._membership = membership
        self._loop = loop
        self._policies = policies
        self._allows_commands = allows_commands

    def submit(
        self,
        raw: object,
        namespace: str | None = None,
        key: str | None = None,
        must_start: bool = False,
        actor: str = "",
    ) -> Experiment:
        """Begin an experiment. The same `key` begins only one. The log names `actor` as the one who
        asked for it.

        Raises `Reject` with all that is wrong, and with `must_start` also if no trial can start
        now; `OverQuota` if the namespace may not have another experiment; `Conflict` if the name is
        taken or the key was used for another request.
        """
        from tunelet.request.spec import parse

        spec = parse(raw, self._catalog, namespace)
        self._refuse_command(spec["model_training_code"])
        namespace = str(spec["namespace"])
        self._refuse_by_policy(namespace, spec["model_training_code"], raw)
        name = spec["name"] = spec["name"] or _generated(namespace, key)
        if must_start:
            self._refuse_waiting(namespace, name, spec["model_training_code"], key)
        spec["warm_start"] = self._sources(namespace, spec["warm_start"])
        self._probed.ensure(namespace)
        self._refuse_full(namespace, name)
        submit = commands.Submit(uid=secrets.token_hex(8), spec=spec, key=key, actor=actor)
        marker = Marker(namespace, name, submit.uid, 0)
        self._markers.set(marker)
        try:
            self._allowance.begin(namespace)
            experiment = self._loop.change(namespace, name, submit)
        except (Conflict, OverQuota):
            self._markers.retract(marker)
            raise
        if experiment.uid != marker.uid:
            self._markers.retract(marker)  # it was sent before, and that began the experiment
        if self._journals.by.joins:
            self._membership.stay(experiment)
        return experiment

    def _refuse_full(self, namespace: str, name: str) -> None:
        """Refuse to begin another experiment, but not one whose answer was lost."""
        try:
            self._allowance.store(namespace)
        except OverQuota:
            if not self._exists(namespace, name):
                raise

    def _exists(self, namespace: str, name: str) -> bool:
        try:
            self._journals.read(namespace, name)
        except NotFound:
            return False
        except Damaged:
            pass
        return True

    def _refuse_command(self, code: dict[str, Any]) -> None:
        """Refuse a command without an image that may not, or cannot, run on this machine."""
        if code.get("image") != COMMAND:
            return
        message = "is not allowed here"
        remedy = "name an image, or start the service with `tunelet up --allow-commands`"
        if self._allows_commands:
            obstacle = self._launcher.obstacle(code)
            if obstacle is None:
                return
            message, remedy = "cannot run here", obstacle
        # Not the command itself: like all of the training code, it may hold secrets.
        error = FieldError("model_training_code.command", None, message, remedy)
        raise Reject(f"a command without an image {message}: {remedy}", [error])

    def _refuse_waiting(
        self, namespace: str, name: str, code: dict[str, Any], key: str | None
    ) -> None:
        """Refuse training code that cannot start here now, unless the request was sent before."""
        obstacle = self._launcher.obstacle(code)
        if obstacle is None:
            return
        known = self._journals.of(namespace, name).peek() if key else None
        if known is not None and key in known.keys:
            return
        error = FieldError("model_training_code", code.get("image"), "cannot start here", obstacle)
        raise Reject(f"no trial can start now: {obstacle}", [error])

    def _refuse_by_policy(self, namespace: str, code: dict[str, Any], raw: object) -> None:
        """Refuse pods that the policy of the namespace does not allow; `raw` is the request."""
        from tunelet.request.admission import refuse

        written = raw.get("model_training_code") if isinstance(raw, dict) else None
        bare = "manifest" in code and isinstance(written, dict) and "manifest" not in written
        refuse(code, self._policies.of(namespace), bare=bare)

    def _sources(self, namespace: str, named: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Pin the experiments to learn from: a later one of the same name is a different one."""
        found, errors = [], []
        for index, each in enumerate(named):
            try:
                known = self._journals.read(namespace, each["name"])
            except Newer:
                raise  # nothing is wrong with it
            except (NotFound, Damaged) as error:
                remedy = "name experiments of this namespace that can be read, or leave it out"
                errors.append(FieldError(f"warm_start[{index}]", each["name"], str(error), remedy))
                continue
            found.append({"name": known.name, "uid": known.uid, "trials": known.next_number})
        if errors:
            raise Reject(f"warm_start: {errors[0].message}", errors)
        return found


def _generated(namespace: str, key: str | None) -> str:
    """Generate a name; the same one for the same key."""
    seed = sha256(f"{namespace}/{key}".encode()).hexdigest() if key else secrets.token_hex(8)
    return f"exp-{seed[:12]}"
