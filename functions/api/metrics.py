"""The metrics of one namespace, for its own Prometheus. No label names an experiment."""

from collections.abc import Iterator

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.identity.rights import Resource, Right, Verb
from functions.telemetry.figures import Gauge
from functions.telemetry.metrics import page_of
from tunelet.engine.usage import Usage


def metrics(call: Call) -> Response:
    """Show what the namespace has and uses, in Prometheus's text format.

    Experiments and trials by state, dead letters (with the right to list them), and the quotas
    that are set, each with its use. Of more than 2,000 live experiments, the rest are only counted
    as unread. The figures are up to 15 seconds old, and the stored bytes up to five minutes.
    """
    right = Right(Verb.LIST, Resource.DEAD_LETTERS)
    usage = call.service.usage.of(call.namespace)
    return page_of(_gauges(usage, letters=call.allows(right, call.namespace)))


def _gauges(usage: Usage, letters: bool) -> Iterator[Gauge]:
    yield _one("experiments", "Experiments that exist, ended ones too", usage.experiments)
    summary = "Experiments that have not ended, or only just"
    yield Gauge("tunelet_namespace_live_experiments", summary, "state", usage.live)
    summary = "Trials of the live experiments"
    yield Gauge("tunelet_namespace_trials", summary, "state", usage.trials)
    summary = "Live experiments that are in no other figure"
    yield _one("unread_experiments", summary, usage.unread)
    if letters:
        yield _one("dead_letters", "Events that could not be delivered", usage.dead_letters)
    used = {name: amount for name, (amount, _) in usage.quotas.items()}
    yield Gauge("tunelet_namespace_quota_used", "What is used of a quota", "quota", used)
    limits = {name: limit for name, (_, limit) in usage.quotas.items()}
    yield Gauge("tunelet_namespace_quota_limit", "The limit of a quota", "quota", limits)


def _one(name: str, summary: str, value: float) -> Gauge:
    return Gauge(f"tunelet_namespace_{name}", summary, "", {"": value})
