"""Quotas: how much of an installation each namespace may use. Pure."""

from collections.abc import Mapping
from typing import NamedTuple


class Quota(NamedTuple):
    """The limits of one namespace. None: no limit."""

    experiments: int | None = None
    """Experiments that exist, ended ones too."""
    live_trials: int | None = None
    """Trials that run at a time. Further ones wait."""
    stored_bytes: int | None = None
    """Bytes of its objects in the store, from which on it may begin nothing new."""
    reports_per_second: float | None = None
    """Reports that trials push to one process of the API, on average."""
    reports_per_trial: int | None = None
    """Steps at which a trial may push reports."""


class Quotas(NamedTuple):
    """The quotas of all namespaces."""

    default: Quota = Quota()
    namespaces: Mapping[str, Quota] = {}

    def of(self, namespace: str) -> Quota:
        return self.namespaces.get(namespace, self.default)


UNLIMITED = Quotas()
