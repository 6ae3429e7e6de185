"""The launcher's watch on a real cluster."""

from tests.contracts.clusters import launcher_in, namespaces, needs_cluster, training
from tests.contracts.launchers import until
from tunelet.core.run import Phase, Run

pytestmark = needs_cluster


def test_every_launcher_that_has_seen_a_run_is_notified_of_its_end() -> None:
    run = Run("team", "digits", "0123456789abcdef", 0, 1)
    with namespaces("team") as prefix:
        first, second = launcher_in(prefix), launcher_in(prefix)
        ended: list[str] = []

        def look(name: str) -> None:
            if first.observe(run).phase is Phase.ENDED:
                ended.append(name)

        stops = [
            first.watch(lambda *_: look("first"), lambda *_: None),
            second.watch(lambda *_: look("second"), lambda *_: None),
        ]
        first.launch(training(run, "print('objective=1')"))
        second.observe(run)
        until(lambda: {"first", "second"} <= set(ended))
        for stop in stops:
            stop()


def test_a_cluster_that_answers_is_ready() -> None:
    launcher_in("nowhere-").ready()
