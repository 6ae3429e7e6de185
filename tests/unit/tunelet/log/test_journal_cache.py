"""Which journals a process keeps: those of experiments, whatever names its callers make up."""

import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.core import commands
from tunelet.errors import NotFound
from tunelet.log.journal_cache import KEPT, Journals


def test_names_without_an_experiment_push_out_no_journal_of_one() -> None:
    journals = Journals(MemoryStore())
    known = journals.of("default", "e")
    known.commit(commands.Submit("u", SPEC))
    assert journals.of("default", "e") is known
    for number in range(2 * KEPT):
        with pytest.raises(NotFound):
            journals.read("others", f"absent-{number}")
    assert journals.seen("default", "e") == 1
    assert journals.of("default", "e") is known
    assert journals.of("others", "absent-0") is not journals.of("others", "absent-1")
