"""A page of experiments of one state is bounded by the reads for it."""

from tests.unit.functions.conftest import FragileStore, World
from tunelet.ports import Stored
from tunelet.service import READ_A_PAGE

MORE = 15


class Counted(FragileStore):
    """Counts the logs that are opened."""

    opened = 0

    def get(self, key: str) -> Stored | None:
        self.opened += "/journal/" in key and key.endswith("/00000000000000000001.json")
        return super().get(key)


def filled(world: World, paused: set[int]) -> int:
    """Make experiments; those with these numbers are paused."""
    count = READ_A_PAGE + MORE
    for number in range(count):
        name = f"e{number:04}"
        space = {"x": {"type": "float", "min": 0, "max": 1}}
        request = {"model_training_code": "i", "hyperparameters": space, "name": name}
        world.service.submit({**request, "hpo_algorithm": "random_search"})
        if number in paused:
            world.service.pause("default", name)
    return count


def test_a_page_of_one_state_reads_a_limited_number_of_logs_and_names_the_next() -> None:
    store = Counted()
    count = filled(World(store), paused={3, READ_A_PAGE + 2})
    world = World(store)
    store.opened = 0
    page = world.api.get("/api/experiments?state=PAUSED").get_json()
    assert [each["name"] for each in page["experiments"]] == ["e0003"]
    assert store.opened <= READ_A_PAGE < count
    rest = world.api.get(page["next"]).get_json()
    assert [each["name"] for each in rest["experiments"]] == [f"e{READ_A_PAGE + 2:04}"]
    assert rest["next"] is None
    empty = world.api.get("/api/experiments?state=STOPPED").get_json()
    assert (empty["experiments"], empty["next"] is None) == ([], False)
    found, query = [], "/api/experiments?limit=100"
    while query:
        page = world.api.get(query).get_json()
        found += [each["name"] for each in page["experiments"]]
        query = page["next"]
    assert found == [f"e{number:04}" for number in range(count)]
