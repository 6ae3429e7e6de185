"""The in-process broker: it routes, repeats and gives up as Knative's does."""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from adapters.events.broker import Broker, Delivered, Target
from adapters.events.signature import Signature
from adapters.events.triggers import Trigger
from tunelet.core.signal import COLLECT, FINISHED, LAUNCH, SUGGEST, Signal

TYPE = "dev.tunelet.test"
OK = Delivered(204, {}, b"")


def event(kind: str = TYPE, id_: str = "1", **attributes: str) -> dict[str, str]:
    given = {"specversion": "1.0", "id": id_, "source": "/test", "type": kind, **attributes}
    return {f"ce-{name}": value for name, value in given.items()}


class Function:
    """Gives `answers` in turn, repeats the last one, and keeps the events that it gets."""

    def __init__(self, *answers: Delivered | Exception) -> None:
        self.answers = list(answers or [OK])
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.times: list[float] = []

    def __call__(self, headers: dict[str, str], body: bytes) -> Delivered:
        self.seen.append((headers, body))
        self.times.append(time.monotonic())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


Made = Callable[..., Broker]


@pytest.fixture
def broker() -> Iterator[Made]:
    """Makes brokers: each target gets events of its own type."""
    made: list[Broker] = []

    def make(targets: Mapping[str, Target], **options: Any) -> Broker:
        kinds = {f"{TYPE}.{name}" if len(targets) > 1 else TYPE: name for name in targets}
        triggers = [Trigger({"type": kind}, name) for kind, name in kinds.items()]
        sinks = {"dead": dead} if (dead := options.pop("dead", None)) else {}
        options = {"backoff": 0.001, "sink": "dead" if sinks else None} | options
        made.append(Broker(triggers, {**targets, **sinks}, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.002)


def test_a_signal_is_signed_and_a_given_event_is_not() -> None:
    """What others send through the broker does not become ours."""
    signature, function = Signature(b"0123456789abcdef"), Function()
    served = Broker([Trigger({}, "f")], {"f": function}, signature=signature)
    served.publish(Signal(LAUNCH, "default", "digits"))
    served.route(event(), b"{}")
    until(lambda: len(function.seen) == 2)
    served.close()
    ours = {seen[0]["ce-type"]: signature.is_on(*seen) for seen in function.seen}
    assert ours == {"dev.tunelet.launch.requested": True, TYPE: False}


def test_an_event_goes_to_whom_all_attributes_of_the_filter_fit() -> None:
    first, second, both = Function(), Function(), Function()
    triggers = [
        Trigger({"type": "a"}, "first"),
        Trigger({"type": "b", "source": "/test"}, "second"),
        Trigger({}, "both"),
    ]
    served = Broker(triggers, {"first": first, "second": second, "both": both})
    served.route(event("a"), b"body")
    served.route(event("b", source="/other"), b"")
    served.route(event("b"), b"")
    until(lambda: len(both.seen) == 3 and first.seen and second.seen)
    served.close()
    assert [(headers["ce-type"], body) for headers, body in first.seen] == [("a", b"body")]
    assert [headers["ce-source"] for headers, _ in second.seen] == ["/test"]


@pytest.mark.parametrize("status", [500, 503, 404, 408, 409, 429])
def test_a_transient_fault_is_retried_with_the_same_event(broker: Made, status: int) -> None:
    function, dead = (
        Function(Delivered(status, {}, b""), Delivered(status, {}, b""), OK),
        Function(),
    )
    served = broker({"f": function}, dead=dead)
    served.route(event(), b"body")
    until(lambda: len(function.seen) == 3)
    assert function.seen == [function.seen[0]] * 3
    assert not dead.seen


@pytest.mark.parametrize("fault", [OSError("refused"), RuntimeError("a bug")])
def test_an_event_without_an_answer_is_delivered_again(broker: Made, fault: Exception) -> None:
    function, dead = Function(fault, OK), Function()
    served = broker({"f": function}, workers=1, dead=dead)
    served.route(event(), b"")
    until(lambda: len(function.seen) == 2)
    assert not dead.seen


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422])
def test_any_other_refusal_is_final_and_the_event_a_dead_letter(broker: Made, status: int) -> None:
    function, dead = Function(Delivered(status, {}, b"no such subject")), Function()
    served = broker({"f": function}, dead=dead)
    served.route(event(), b"body")
    until(lambda: dead.seen)
    assert len(function.seen) == 1
    [(headers, body)] = dead.seen
    why = {
        "ce-knativeerrordest": "f",
        "ce-knativeerrorcode": str(status),
        "ce-knativeerrordata": b64encode(b"no such subject").decode(),
    }
    assert (headers, body) == (event() | why, b"body")


def test_after_the_last_attempt_it_is_a_dead_letter_and_the_pauses_double(broker: Made) -> None:
    function, dead = Function(Delivered(503, {}, b"")), Function()
    served = broker({"f": function}, attempts=4, backoff=0.02, dead=dead)
    served.route(event(), b"")
    until(lambda: dead.seen)
    assert len(function.seen) == 4
    pauses = [b - a for a, b in zip(function.times, function.times[1:], strict=False)]
    assert all(pause >= 0.02 * 2**n for n, pause in enumerate(pauses))


def test_a_dead_letter_without_an_answer_has_no_status(broker: Made) -> None:
    function, dead = Function(OSError("refused")), Function()
    served = broker({"f": function}, attempts=2, dead=dead)
    served.route(event(), b"")
    until(lambda: dead.seen)
    assert "ce-knativeerrorcode" not in dead.seen[0][0]


@pytest.mark.parametrize(
    "trouble", [OSError("away"), RuntimeError("a bug"), Delivered(503, {}, b"")]
)
def test_a_sink_in_trouble_is_tried_like_any_other_and_then_no_more(
    broker: Made, trouble: Delivered | Exception
) -> None:
    function, dead = Function(Delivered(400, {}, b"")), Function(trouble)
    served = broker({"f": function}, workers=1, attempts=3, dead=dead)
    served.route(event(), b"")
    until(lambda: len(dead.seen) == 3)
    served.close()
    assert len(function.seen) == 1
    assert len(dead.seen) == 3


def test_an_answer_that_is_an_event_is_routed_like_any_other(broker: Made) -> None:
    asked = Function(Delivered(200, {"Ce-Type": f"{TYPE}.b", "Ce-Id": "2"}, b"next"))
    told = Function()
    served = broker({"a": asked, "b": told})
    served.route(event(f"{TYPE}.a"), b"")
    until(lambda: told.seen)
    assert told.seen[0][1] == b"next"


def test_a_slow_function_holds_up_no_other(broker: Made) -> None:
    go = threading.Event()

    def slow(headers: dict[str, str], body: bytes) -> Delivered:
        go.wait(30)
        return OK

    quick = Function()
    served = broker({"slow": slow, "quick": quick}, workers=2)
    for number in range(10):
        served.route(event(f"{TYPE}.slow", str(number)), b"")
    served.route(event(f"{TYPE}.quick"), b"")
    until(lambda: quick.seen)
    assert not go.is_set()
    go.set()


def test_only_one_of_equal_waiting_signals_is_delivered() -> None:
    go, begun = threading.Event(), threading.Event()
    seen: list[str] = []

    def busy(headers: dict[str, str], body: bytes) -> Delivered:
        seen.append(headers["ce-subject"])
        begun.set()
        go.wait(30)
        return OK

    served = Broker(
        [Trigger({"type": "dev.tunelet.suggest.requested"}, "f")], {"f": busy}, workers=1
    )
    served.publish(Signal(SUGGEST, "default", "a"))
    assert begun.wait(30)
    # The first is being looked at, and may have missed what these are about.
    for name in ("a", "a", "b", "a"):
        served.publish(Signal(SUGGEST, "default", name))
    for number in (7, 7):
        served.publish(Signal(SUGGEST, "default", "a", number))
    for topic in (LAUNCH, COLLECT, FINISHED):
        served.publish(Signal(topic, "default", "a"))
    go.set()
    until(lambda: len(seen) == 4)
    served.close()
    assert seen == ["default/a", "default/a", "default/b", "default/a/7"]


def test_a_flood_of_one_namespace_delays_no_event_of_another() -> None:
    """Nor does a flood of one experiment delay another one's, or its repeats."""
    go, begun = threading.Event(), threading.Event()
    seen: list[str] = []

    def busy(headers: dict[str, str], body: bytes) -> Delivered:
        seen.append(headers["ce-subject"])
        begun.set()
        go.wait(30)
        return OK

    served = Broker([Trigger({}, "f")], {"f": busy}, workers=1)
    for number in range(1000):
        served.route(event(id_=f"{number}", subject=f"flood/a/{number}/1"), b"")
    assert begun.wait(30)
    for subject in ("flood/b", "other/a", "other/b"):
        served.route(event(subject=subject), b"")
    go.set()
    until(lambda: len(seen) == 1003)
    served.close()
    assert seen[1:6] == ["other/a", "flood/b", "other/b", "flood/a/1/1", "flood/a/2/1"]


def test_a_repeat_that_is_due_takes_its_turn() -> None:
    seen: list[str] = []
    refused = threading.Event()

    def busy(headers: dict[str, str], body: bytes) -> Delivered:
        subject = headers["ce-subject"]
        seen.append(subject)
        if subject == "other/a" and not refused.is_set():
            refused.set()
            return Delivered(503, {}, b"")
        if subject.startswith("flood") and refused.is_set():
            time.sleep(0.002)
        return OK

    served = Broker([Trigger({}, "f")], {"f": busy}, workers=1, backoff=0.001)
    served.route(event(subject="other/a"), b"")
    for number in range(1000):
        served.route(event(id_=f"{number}", subject=f"flood/a/{number}/1"), b"")
    until(lambda: seen.count("other/a") == 2)
    assert len(seen) < 100
    served.close()


def test_closing_finishes_deliveries_in_progress_and_drops_the_rest(broker: Made) -> None:
    function = Function(Delivered(503, {}, b""))
    served = broker({"f": function}, backoff=3600)
    served.route(event(), b"")
    until(lambda: function.seen)
    served.close()
    served.route(event(), b"")
    assert len(function.seen) == 1
