"""A sweep looks at the experiments of all namespaces in turns."""

from collections.abc import Sequence

from tests.unit.functions.conftest import SilentLauncher, World
from tunelet.core.run import Run


class Noting(SilentLauncher):
    """Notes for which experiments a sweep has looked for runs."""

    def __init__(self) -> None:
        super().__init__()
        self.looked: set[tuple[str, str]] = set()

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        self.looked.add((namespace, experiment))
        return super().active(namespace, experiment)


def test_a_namespace_with_many_experiments_does_not_delay_the_one_of_another() -> None:
    launcher = Noting()
    world = World(launcher=launcher)
    for number in range(60):
        world.running(namespace="flood", name=f"e{number}")
    world.running(namespace="other", name="e")
    for _ in range(5):
        launcher.looked.clear()
        world.service.sweep(lambda: len(launcher.looked) == 2)
        assert ("other", "e") in launcher.looked
