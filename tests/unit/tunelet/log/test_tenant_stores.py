"""Namespaces with a store of their own, beside those that share one."""

from collections.abc import Iterator

import pytest

from adapters.storage.memory import MemoryStore
from adapters.storage.wrapper import Kind, StoreWrapper
from tunelet.dead_letters import DeadLetters
from tunelet.errors import Reject, Retry, TuneletError
from tunelet.log.identity import Identity
from tunelet.log.quiet import Name, Note, QuietNotes
from tunelet.log.tenant_stores import TenantStores, listed, namespace_of
from tunelet.store_probe import Probed

KEYS = (
    "v1/{}/digits/journal/00000000000000000001.json",
    "live/{}/digits/ab.000000",
    "index/{}/digits/ab",
    "studies/{}/0000000001.json",
    "expires/000001700000000/{}/digits/ab.1",
    "dead/999999999999999-0123456789abcdef.{}",
)
INSTALLATION = (
    *("identity", "installations/a", "quotas/vision", "probe/ab/A", "v1/ready", "live/"),
    "dead/999999999999999-0123456789abcdef",
)


class Away(StoreWrapper):
    """A store that answers every request with a fault, as long as it is away."""

    fault: TuneletError | None = None
    listings = 0

    def request(self, kind: Kind, send):  # type: ignore[no-untyped-def]
        if self.fault:
            raise self.fault
        return send()

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self.listings += 1
        for key in self.inner.list(prefix, after, limit):
            if self.fault:
                raise self.fault
            yield key


@pytest.fixture
def shared() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def vision() -> Away:
    store = Away(MemoryStore())
    store.url = "memory://vision"
    return store


@pytest.fixture
def stores(shared: MemoryStore, vision: Away) -> TenantStores:
    return TenantStores(shared, {"vision": vision})


@pytest.mark.parametrize("key", KEYS)
def test_an_object_goes_to_the_store_of_its_namespace(
    key: str, stores: TenantStores, shared: MemoryStore, vision: Away
) -> None:
    for namespace in ("vision", "audio"):
        assert namespace_of(key.format(namespace)) == namespace
        stores.put(key.format(namespace), namespace.encode())
    assert list(vision.list("")) == [key.format("vision")]
    assert list(shared.list("")) == [key.format("audio")]
    found = stores.get(key.format("vision"))
    assert found is not None
    assert found.data == b"vision"


@pytest.mark.parametrize("key", INSTALLATION)
def test_what_belongs_to_no_namespace_is_in_the_shared_store(key: str) -> None:
    assert namespace_of(key) is None


@pytest.mark.parametrize("prefix", ["live/", "expires/", "dead/", "v1/", "index/", "studies/"])
def test_a_listing_over_all_namespaces_has_the_keys_of_all_stores_in_order(
    prefix: str, stores: TenantStores
) -> None:
    (key,) = (each for each in KEYS if each.startswith(prefix))
    put = sorted(key.format(namespace) for namespace in ("audio", "vision", "words"))
    for each in put:
        stores.put(each, b"")
    assert list(stores.list(prefix)) == put
    assert list(stores.list(prefix, put[0])) == put[1:]
    assert list(stores.list(prefix, limit=2)) == put[:2]


@pytest.mark.parametrize("key", KEYS)
def test_a_tenant_cannot_show_objects_of_another_in_its_own_store(
    key: str, stores: TenantStores, shared: MemoryStore, vision: Away
) -> None:
    vision.put(key.format("audio"), b"forged")
    shared.put(key.format("vision"), b"left from before")
    assert list(stores.list("")) == []
    assert stores.get(key.format("audio")) is None


@pytest.mark.parametrize("fault", [Retry("gone"), Reject("forbidden")])
def test_a_listing_leaves_out_a_store_that_is_away_and_says_so(
    fault: TuneletError, stores: TenantStores, vision: Away
) -> None:
    for namespace in ("audio", "vision"):
        stores.put(f"live/{namespace}/digits/ab.000000", b"")
    vision.fault = fault
    left_out = set[str]()
    assert list(listed(stores, "live/", left_out)) == ["live/audio/digits/ab.000000"]
    assert left_out == {"vision"}
    with pytest.raises(type(fault)):
        list(stores.list("live/vision/"))


def test_a_copy_between_two_stores_is_refused(stores: TenantStores) -> None:
    with pytest.raises(ValueError, match="different stores"):
        stores.copy("v1/vision/a/b", "v1/audio/a/b")


def test_each_store_has_an_identity_of_its_own(stores: TenantStores) -> None:
    identity = Identity(stores)
    assert identity.known("audio") == identity.known("words")
    assert identity.known("vision") == Identity(stores.of("vision")).known("vision")


def test_two_stores_of_one_name_have_identities_and_probes_of_their_own() -> None:
    """The same name at two endpoints, or in two accounts, is two buckets."""
    one, two = MemoryStore(), MemoryStore()
    stores = TenantStores(MemoryStore(), {"vision": one, "audio": two})
    assert one.url == two.url
    identity = Identity(stores)
    assert identity.known("vision") != identity.known("audio")
    assert identity.known("audio") == Identity(two).known("audio")
    probed = Probed(stores.of)
    probed.ensure("vision")
    two.create = lambda key, data: two.put(key, data) or True  # type: ignore[method-assign,func-returns-value]
    with pytest.raises(Reject, match="created a key that existed"):
        probed.ensure("audio")


def test_a_dead_letter_lies_in_the_store_of_its_namespace(
    stores: TenantStores, vision: Away
) -> None:
    letters = DeadLetters(stores)
    letter = letters.keep({}, b"event", namespace="vision")
    assert [each.id for each in DeadLetters(vision).newest()[0]] == [letter.id]
    assert letters.get(letter.id) == letter
    vision.fault = Retry("gone")
    assert letters.newest() == ([], None)


def test_letters_of_a_namespace_are_counted_without_the_stores_of_others(
    stores: TenantStores, vision: Away
) -> None:
    """A store that is away would delay the metrics of the others, and its own would be wrong."""
    letters = DeadLetters(stores, store_of=stores.of)
    for namespace in ("vision", "audio"):
        letters.keep({}, b"event", namespace=namespace)
    assert (letters.count("vision"), letters.count("audio")) == (1, 1)
    vision.fault = Retry("gone")
    vision.listings = 0
    assert letters.count("audio") == 1
    assert vision.listings == 0
    with pytest.raises(Retry, match="gone"):
        letters.count("vision")


NOTE = Note(frozenset(), 1, 3, 0.0, False, False, 0.0, 0.0)


def test_notes_of_quiet_experiments_lie_in_the_store_of_their_namespace(
    stores: TenantStores, shared: MemoryStore, vision: Away
) -> None:
    notes = {Name("audio", "a"): NOTE, Name("vision", "b"): NOTE}
    QuietNotes(stores, "one").write(notes)
    assert QuietNotes(stores, "one").read() == notes
    assert QuietNotes(vision, "one").read() == {Name("vision", "b"): NOTE}
    assert QuietNotes(shared, "one").read() == {Name("audio", "a"): NOTE}


def test_notes_are_removed_from_a_store_without_quiet_experiments(
    stores: TenantStores, vision: Away
) -> None:
    notes = QuietNotes(stores, "one")
    notes.write({Name("vision", "b"): NOTE})
    notes.write({})
    assert QuietNotes(vision, "one").read() == {}


def test_the_notes_of_others_are_kept_while_a_store_is_away(
    stores: TenantStores, vision: Away
) -> None:
    vision.fault = Reject("forbidden")
    notes = QuietNotes(stores, "one")
    notes.write({Name("audio", "a"): NOTE, Name("vision", "b"): NOTE})
    assert notes.read() == {Name("audio", "a"): NOTE}
