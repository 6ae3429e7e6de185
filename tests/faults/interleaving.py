"""Runs actors in every order of their steps, also with a death at any step.

An actor is a thread that pauses before each step until it has its turn, so a run is deterministic.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Dies(NamedTuple):
    """The process of the actor with this turn dies, before or after it has done the step."""

    turn: int
    after: bool


class _Death(BaseException):
    """Nothing may catch this."""


class _Actor(threading.Thread):
    def __init__(self, name: str, act: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._act = act
        self.go, self.paused = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = self.died = False
        self.fault: BaseException | None = None
        self.dies: bool | None = None
        """Whether it dies at its present step: False before it, True after it."""

    def run(self) -> None:
        try:
            self._act()
        except _Death:
            self.died = True
        except BaseException as fault:  # noqa: BLE001 (the test raises it)
            self.fault = fault
        self.ended = True
        self.paused.release()

    def step(self, do: Callable[[], T]) -> T:
        self.paused.release()
        self.go.acquire()
        if self.dies is False:
            raise _Death
        result = do()
        if self.dies:
            raise _Death
        return result


class Order(NamedTuple):
    """One run."""

    turns: list[str]
    others: list[list[str]]
    """For each turn, who else could have had it."""
    acknowledged: set[str]
    """The actors that came to their end without a death."""


def step(do: Callable[[], T]) -> T:
    """Do a step of the calling actor when it has its turn; outside of a run, at once."""
    actor = threading.current_thread()
    return actor.step(do) if isinstance(actor, _Actor) else do()


def run(
    acts: Mapping[str, Callable[[], object]],
    plan: Sequence[str] = (),
    dies: Dies | None = None,
    check: Callable[[set[str]], None] = lambda _: None,
) -> Order:
    """Run the actors: the first turns as planned. `check` gets those that came to their end."""
    actors = [_Actor(*each) for each in sorted(acts.items())]
    order = Order([], [], set())
    for actor in actors:
        actor.start()
        _paused(actor, order)
    while ready := [actor for actor in actors if not actor.ended]:
        turn = len(order.turns)
        chosen = next((a for a in ready if plan[turn : turn + 1] == [a.name]), ready[0])
        order.turns.append(chosen.name)
        order.others.append([actor.name for actor in ready if actor is not chosen])
        chosen.dies = dies.after if dies and dies.turn == turn else None
        chosen.go.release()
        _paused(chosen, order)
        check(order.acknowledged)
    return order


def _paused(actor: _Actor, order: Order) -> None:
    actor.paused.acquire()
    if actor.fault is not None:
        raise actor.fault
    if actor.ended and not actor.died:
        order.acknowledged.add(actor.name)


def orders(run: Callable[[Sequence[str]], Order]) -> Iterator[Order]:
    """Yield one run for each order of the steps."""
    plans: list[list[str]] = [[]]
    while plans:
        plan = plans.pop()
        order = run(plan)
        yield order
        for turn in range(len(plan), len(order.turns)):
            plans += [[*order.turns[:turn], other] for other in order.others[turn]]
