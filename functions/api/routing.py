"""Find the row of a table of templates that a path and a method mean.

werkzeug's own map compiles a function for each rule that builds its URLs, which nothing here needs.
That took as long as a third of the function's imports, at each of its starts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

Values = dict[str, str]


class _Rule(NamedTuple):
    parts: tuple[str, ...]
    """The template between the slashes. A part in braces matches any text but an empty one."""
    method: str
    row: int

    @property
    def variable(self) -> tuple[bool, ...]:
        return tuple(part[:1] == "{" for part in self.parts)

    def values(self, parts: list[str]) -> Values | None:
        """Return the values of its variables; None if it does not match."""
        found = {}
        for part, given in zip(self.parts, parts, strict=True):
            if part[:1] == "{" and given:
                found[part[1:-1]] = given
            elif part != given:
                return None
        return found


class Routing:
    """Paths, which may end with a slash or not. A fixed part of a template precedes a variable."""

    def __init__(self, rules: Iterable[tuple[str, str, int]]) -> None:
        """Take the method, the template and the row of each rule."""
        self._rules: dict[int, list[_Rule]] = defaultdict(list)
        made = (_Rule(tuple(path[1:].split("/")), method, row) for method, path, row in rules)
        for rule in sorted(made, key=lambda each: each.variable):
            self._rules[len(rule.parts)].append(rule)

    def find(self, path: str, method: str) -> tuple[int, Values] | None:
        """Return the row and the values of the path's variables; None if no rule matches."""
        wanted = "GET" if method == "HEAD" else method
        for rule, values in self._matching(path):
            if rule.method == wanted:
                return rule.row, values
        return None

    def methods(self, path: str) -> set[str]:
        """Return the methods that the path takes; none if there is nothing at it."""
        methods = {rule.method for rule, _ in self._matching(path)}
        return methods | ({"HEAD"} if "GET" in methods else set())

    def _matching(self, path: str) -> Iterator[tuple[_Rule, Values]]:
        parts = path[1:].removesuffix("/").split("/")
        for rule in self._rules.get(len(parts), ()):
            if path[:1] == "/" and (values := rule.values(parts)) is not None:
                yield rule, values
