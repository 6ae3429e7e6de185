"""The catalog of the installed algorithms and stopping rules, built-in ones and plugins."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from algorithms.catalog.registry import Registry
from algorithms.catalog.table import RULES, TABLE
from tunelet.core.problem import Demands
from tunelet.errors import FieldError
from tunelet.ports import Algorithm, Catalog, StoppingRule


class InstalledAlgorithms:
    """Looks names up in the tables, and then among the plugins, which it loads only if needed."""

    def __init__(self) -> None:
        self._algorithms = Registry(TABLE, "algorithm", "tunelet.algorithms")
        self._rules = Registry(RULES, "stopping rule", "tunelet.early_stopping")

    def names(self) -> Sequence[str]:
        return self._algorithms.names()

    def describe(self) -> Sequence[Mapping[str, Any]]:
        return self._algorithms.describe()

    def problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands
    ) -> list[FieldError]:
        found = self._algorithms.problems(name, settings, demands, "hpo_algorithm")
        return self._elsewhere(name, "hpo_algorithm", self._algorithms) or found

    def light(self, name: str) -> bool:
        row = self._algorithms.built_in(name)
        return row is not None and row.light

    def inherits(self, name: str) -> bool:
        row = self._algorithms.built_in(name)
        return row is None or row.fidelity

    def stops(self, name: str) -> bool:
        row = self._algorithms.built_in(name)
        return row is not None and row.stops

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        """Load the algorithm; a plugin runs in its own process."""
        if self._algorithms.built_in(name) is not None:
            return self.load_here(name, settings)
        from algorithms.catalog.plugin_process import Isolated

        self._algorithms.check(name, settings)
        return Isolated(name, settings)

    def load_here(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        """Load the algorithm into this process, even if it is a plugin."""
        return cast(Algorithm, self._algorithms.load(name, settings))

    def rules(self) -> Sequence[Mapping[str, Any]]:
        return self._rules.describe()

    def rule_problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands, field: str
    ) -> list[FieldError]:
        found = self._rules.problems(name, settings, demands, field)
        return self._elsewhere(name, field, self._rules) or found

    def _elsewhere(self, name: str, field: str, here: Registry) -> list[FieldError]:
        """The remedy for a name that exists, but under another name or in the other field."""
        if here.has(name):
            return []
        from algorithms.catalog.unsupported import UNSUPPORTED, meant

        both = self._algorithms, self._rules
        known = name
        if not any(one.built_in(name) for one in both) and name not in UNSUPPORTED:
            found = meant(name, (*TABLE, *RULES))
            if found is None:
                return []
            known = found
        where = f"{field}.name"
        if known in UNSUPPORTED:
            why, remedy = UNSUPPORTED[known]
            return [FieldError(where, name, why, remedy)]
        if here.built_in(known) is not None:
            return [FieldError(where, name, "has another name here", f'write "{known}"')]
        if here is self._algorithms:
            remedy = f'write "early_stopping": "{known}", beside any algorithm'
            return [FieldError(where, name, "is a stopping rule", remedy)]
        remedy = f'write "hpo_algorithm": "{known}"'
        return [FieldError(where, name, "is an algorithm, not a stopping rule", remedy)]

    def rule(self, name: str, settings: Mapping[str, Any]) -> StoppingRule:
        return cast(StoppingRule, self._rules.load(name, settings))


if TYPE_CHECKING:
    _: type[Catalog] = InstalledAlgorithms
