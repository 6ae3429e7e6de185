"""Wrong tokens of trials: each costs a look into the store, so their number is bounded."""

import pytest

from tests.unit.functions.conftest import SECRET, SMALLEST, World
from tunelet.core.failures import BURST, Failures
from tunelet.core.run import Run
from tunelet.engine.tokens import Tokens
from tunelet.errors import Forbidden, NotFound, Throttled

WRONG = "1." + "0" * 64


def test_a_flood_of_wrong_tokens_does_not_reach_the_store(world: World) -> None:
    service = world.service
    service.attempts._strangers = Failures(
        lambda: 0.0
    )  # no time passes, however slow the machine is
    experiment = service.submit({**SMALLEST, "name": "digits"})
    token = Tokens(SECRET).issue(Run("default", "digits", experiment.uid, 0, 1))
    for number in range(BURST + 1):
        with pytest.raises(NotFound if number % 2 else Forbidden):
            service.attempts.authorize(WRONG, "default", "nothing" if number % 2 else "digits", 0)
    world.store.fault = AssertionError("the store is asked")
    with pytest.raises(Throttled):
        service.attempts.authorize(WRONG, "default", "digits", 0)
    assert service.attempts.authorize(token, "default", "digits", 0).number == 0
    world.store.fault = None
    with pytest.raises(NotFound):
        service.attempts.authorize(WRONG, "another", "digits", 0)
