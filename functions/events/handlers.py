"""The four functions that a broker calls: suggest, launch, complete and sweep.

Each takes one CloudEvent and answers 204, or with the one event that follows. An event that can
never be handled is answered 4xx and not delivered again; after a transient fault it is answered
503 and delivered again.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from adapters.events.cloudevents import TYPES, Event, binary, parse
from adapters.launchers.kubernetes.labels import record_of
from functions import problem
from functions.events.outbox import Outbox
from functions.events.subject import Subject, labelled, subject
from functions.events.training import EVENTS, record
from functions.shell import EventShell
from functions.telemetry import metrics
from functions.telemetry.log import LOGGER, about
from tunelet import tracing
from tunelet.core.signal import COLLECT, ENDING, LAUNCH, SUGGEST
from tunelet.errors import Conflict, FieldError, NotFound, Reject

if TYPE_CHECKING:
    from tunelet.service import Service

Step = Callable[["Service", Event], object]

PING = "dev.knative.sources.ping"
SWEEP = "dev.tunelet.sweep.requested"
_JOB_CHANGES = tuple(
    f"dev.knative.apiserver.resource.{what}" for what in ("add", "update", "delete")
)


def _suggest(service: "Service", event: Event) -> None:
    service.suggest(*_subject(event)[:2])


def _launch(service: "Service", event: Event) -> None:
    service.launch(*_subject(event)[:3])


def _collect(service: "Service", event: Event) -> None:
    service.collect(*_subject(event)[:3])


def _await_end(service: "Service", event: Event) -> None:
    found = _subject(event)
    if found.number is None:
        remedy = "send {namespace}/{experiment}/{number}"
        error = FieldError("subject", event.subject, "names no trial", remedy)
        raise Reject("the event is about no trial", [error])
    service.await_end(found.namespace, found.experiment, found.number)


def _record(service: "Service", event: Event) -> None:
    _subject(event)
    record(service, event, None)


def _subject(event: Event) -> Subject:
    """Return the event's subject, and add it to the log lines from here on."""
    found = subject(event)
    about(namespace=found.namespace, experiment=found.experiment, trial=found.number)
    return found


def _collect_job(service: "Service", event: Event) -> None:
    """Collect after a Job's change that Kubernetes reported. Ignores Jobs of others."""
    if (found := labelled(event.data)) is not None:
        about(namespace=found.namespace, experiment=found.experiment, trial=found.number)
        if (record := record_of(event.data)) is not None:
            # Kubernetes' event has no trace; the Job's annotation has it.
            tracing.join(record.traceparent)
        service.collect(*found[:3])


def _sweep(service: "Service", event: Event) -> None:
    live = service.sweep()
    metrics.live(live)
    LOGGER.info("swept %d live experiments", live)


STEPS: Mapping[str, Mapping[str, Step]] = {
    "suggest": {TYPES[SUGGEST]: _suggest},
    "launch": {TYPES[LAUNCH]: _launch},
    "complete": {
        TYPES[COLLECT]: _collect,
        TYPES[ENDING]: _await_end,
        **dict.fromkeys(EVENTS, _record),
        **dict.fromkeys(_JOB_CHANGES, _collect_job),
    },
    "sweep": {SWEEP: _sweep, PING: _sweep},
}
"""By function: what to do on which type of event."""


class EventFunction(EventShell):
    """The function `name` over one service. `outbox` is the service's publisher."""

    def __init__(self, name: str, service: "Service", outbox: Outbox, max_body_bytes: int) -> None:
        # suggest does not need the cluster.
        ready = service.store_ready if name == "suggest" else service.ready
        super().__init__(max_body_bytes, ready)
        self._steps = STEPS[name]
        self._service, self._outbox = service, outbox

    def _explained(self, error: Exception, request: Request) -> Response:
        if isinstance(error, Conflict | NotFound):
            # 404 and 409 would be delivered again, with the same result.
            return problem.problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), request)
        return super()._explained(error, request)

    def _take(self, request: Request, raw: bytes) -> Response:
        event = parse(dict(request.headers), raw)
        step = self._steps.get(event.type)
        if step is None:
            remedy = f"send one of {', '.join(self._steps)}"
            error = FieldError("type", event.type, "is not for this function", remedy)
            raise Reject("the event is not for this function", [error])
        headers = {name.lower(): value for name, value in request.headers.items()}
        if step is _sweep:
            # A sweep may take long, so its signals are sent as they come.
            step(self._service, event)
            return Response(status=HTTPStatus.NO_CONTENT)
        return self._followed(step, event, self._outbox.signature.is_on(headers, raw))

    def _followed(self, step: Step, event: Event, ours: bool) -> Response:
        """Do the step. The event that follows is the answer to a function of ours only.

        Others would learn from it, and could have it delivered again.
        """
        with self._outbox.held() as signals:
            try:
                step(self._service, event)
            except NotFound:
                if step is _record:
                    raise
                LOGGER.info("an event came for %s, which is not there", event.subject)
            except Exception:
                # When the event comes again, the committed state would cause no signals.
                self._outbox.send(signals)
                raise
        if not signals or not ours:
            self._outbox.send(signals)
            return Response(status=HTTPStatus.NO_CONTENT)
        self._outbox.send(signals[:-1])
        headers, data = binary(signals[-1])
        return Response(data, HTTPStatus.OK, self._outbox.signature.signed(headers, data))
