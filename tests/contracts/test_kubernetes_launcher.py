"""The Kubernetes launcher against a real cluster: what every launcher must do, and its own."""

from collections.abc import Iterator

import pytest

from adapters.launchers.kubernetes import Options
from tests.contracts.clusters import Shells, api, namespaces, needs_cluster
from tests.contracts.launchers import LauncherContract
from tunelet.ports import Launcher

pytestmark = needs_cluster


class TestKubernetesLauncher(LauncherContract):
    # The first process of a container gets no signal that it does not handle.
    DIES = "sh -c 'kill -SEGV $$'; exit $?"

    @pytest.fixture
    def launcher(self) -> Iterator[Launcher]:
        with namespaces("default", "b") as prefix:
            yield Shells(api(), Options(prefix=prefix))
