"""What a user submits: from any JSON to the normalized spec that stands in the log.

Every problem of a request is found at once; each names the field, the value, what is wrong
and what to do. A request that passes is normalized: all fields are there, short forms are
written out, and parsing the result again changes nothing. The shapes are in
`tunelet.request.shapes`; here is what the fields mean together.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tunelet.core.problem import Demands
from tunelet.errors import FieldError, Reject
from tunelet.request import code, dependencies, hyperparameters
from tunelet.request.labels import reserved
from tunelet.request.plain import Location, part, refusal, unfit
from tunelet.request.shapes import (
    Algorithm,
    Hyperparameter,
    Image,
    Metrics,
    Objective,
    Request,
    Terms,
    conditional,
    ordinary,
    plain,
)
from tunelet.space import Space, parameter
from tunelet.space.conditions import Condition, conditions
from tunelet.text.messages import MOST, listed, path, shown

if TYPE_CHECKING:
    from tunelet.ports import Catalog

Read = TypeVar("Read", Request, Terms)

FUNCTION = "function-"
"""The beginning of the image of a search whose training code is a Python function."""


def parse(raw: object, catalog: "Catalog", namespace: str | None = None) -> dict[str, Any]:
    """The normalized spec of a request.

    `namespace` is the one of the address, which the request may repeat but not change.
    Raises `Reject` with all problems.
    """
    written, broken, found = _sieved(raw)
    if namespace is not None:
        found += _other_namespace(written, namespace)
        written = {**written, "namespace": namespace}
    request, errors = _read(Request, written, broken)
    found += errors
    forms, space, errors = _hyperparameters(request, written, broken)
    found += errors
    found += _objective_problems(request)
    found += _metrics_problems(request, broken)
    found += _cost_problems(request.max_cost, request.cost_per_hour)
    found += reserved(request.labels, "labels")
    if ("model_training_code",) not in broken:
        found += code.problems(request.model_training_code, written)
    found += _constraint_problems(request)
    demands = Demands(
        space=space,
        objectives=len(_objectives(request)),
        constraints=len(request.constraints),
        parallel=request.parallel_trials,
    )
    found += _algorithm_problems(request, broken, catalog, demands)
    if space is not None:
        for index, assignment in enumerate(request.enqueue):
            if len(found) <= MOST:
                found += space.problems(assignment, path([index], "enqueue"))
    if found or space is None:
        raise _refused(found)
    return normalized(request, forms, [space.canonical(one) for one in request.enqueue])


def parse_changes(raw: object, spec: Mapping[str, Any], catalog: "Catalog") -> dict[str, Any]:
    """The fields of a running experiment's spec that a PATCH sets, with their new values.

    `labels` replaces all labels, `early_stopping` all rules. Raises `Reject` with all problems.
    """
    written, broken, found = _sieved(raw)
    terms, errors = _read(Terms, written, broken)
    found += errors
    given = [name for name in terms.__struct_fields__ if name in written and (name,) not in broken]
    changes = {name: plain(terms)[name] for name in given}
    if not found and not written:
        fields = listed(Terms.__struct_fields__)
        found.append(FieldError("", None, "changes nothing", f"set one of {fields}"))
    found += _cost_problems(terms.max_cost, spec["cost_per_hour"])
    # A client that sends all labels again may have some of an older version's experiment.
    found += reserved(terms.labels.keys() - spec.get("labels", {}).keys(), "labels")
    if "study" in spec:
        found += _study_problems(terms, given)
        if found:
            raise _refused(found)
        return changes
    after = {**spec, **changes}
    demands = Demands(
        space=Space.of(after["hyperparameters"]),
        objectives=len(after["objectives"]),
        constraints=len(after.get("constraints", ())),
        parallel=after["parallel_trials"],
    )
    found += _algorithm_problems(_as_changed(terms, given, spec), broken, catalog, demands)
    if found:
        raise _refused(found)
    return changes


_OF_STUDIES = frozenset({"labels", "ttl_seconds_after_finished"})


def _study_problems(terms: Terms, given: Collection[str]) -> list[FieldError]:
    """Refuse all that the callers of a study decide themselves."""
    message = "belongs to the library that makes the study's trials"
    remedy = f"set it there; of a study only {listed(sorted(_OF_STUDIES))} can be changed"
    return [
        FieldError(name, shown(getattr(terms, name)), message, remedy)
        for name in sorted(set(given) - _OF_STUDIES)
    ]


def _as_changed(terms: Terms, given: Collection[str], spec: Mapping[str, Any]) -> Terms:
    """The terms with what stands in the spec for those that are not set."""
    kept = {
        "hpo_algorithm": Algorithm(**spec["hpo_algorithm"]),
        "early_stopping": [Algorithm(**one) for one in spec.get("early_stopping", ())],
    }
    return msgspec.structs.replace(
        terms, **{name: one for name, one in kept.items() if name not in given}
    )


def _refused(found: Collection[FieldError]) -> Reject:
    errors = list(found)
    first = f"{errors[0].field or 'the request'}: {errors[0].message}"
    if len(errors) == 1:
        return Reject(first, errors)
    if len(errors) > MOST:
        message = f"the request has more than {MOST} problems, the first of which are listed"
        return Reject(f"{message}; {first}", errors[:MOST])
    return Reject(f"the request has {len(errors)} problems; {first}", errors)


def _sieved(raw: object) -> tuple[dict[Any, Any], set[Location], list[FieldError]]:
    """The request as an object, with those parts of it that are not fit to be read."""
    if not isinstance(raw, dict):
        error = FieldError("", shown(raw), "must be an object", 'write {"name": value, …}')
        raise _refused([error])
    broken, found = set[Location](), []
    for location, error in unfit(raw):
        found.append(error)
        if not location:
            raise _refused(found)
        broken.add(part(location))
    return raw, broken, found


def _read(
    shape: type[Read], written: Mapping[Any, Any], broken: set[Location]
) -> tuple[Read, list[FieldError]]:
    """The request, and what is wrong with its shape; `broken` gets the parts that are.

    pydantic, which explains, is imported only for a request that is not ordinary.
    """
    if not broken and (found := ordinary(shape, written)) is not None:
        return found, []
    from tunelet.request.refusals import read

    return read(shape, written, broken)


def _other_namespace(written: Mapping[Any, Any], namespace: str) -> list[FieldError]:
    given = written.get("namespace", namespace)
    if given == namespace:
        return []
    remedy = f'leave it out, or send the request to the address of "{shown(given)}"'
    message = f'is not the namespace of the address, "{namespace}"'
    return [FieldError("namespace", shown(given), message, remedy)]


def _hyperparameters(
    request: Request, written: Mapping[Any, Any], broken: Collection[Location]
) -> tuple[dict[str, dict[str, Any]], Space | None, list[FieldError]]:
    """Canonical forms and their space, which is None if anything is wrong with them."""
    if ("hyperparameters",) in broken:
        return {}, None, []
    found = _presence_problems(request, written["hyperparameters"])
    shapes, forms = request.hyperparameters, {}
    for name, shape in shapes.items():
        if faults := list(hyperparameters.faults(shape)):
            found += [_fault(name, fault) for fault in faults]
        else:
            forms[name] = hyperparameters.canonical(shape)
    names = [name for name in written["hyperparameters"] if isinstance(name, str)]
    whens, errors = _whens(written["hyperparameters"], names, shapes)
    found += errors
    parameters = {name: parameter(name, form) for name, form in forms.items()}
    found += dependencies.problems(parameters, whens, names)
    whole = len(forms) == len(written["hyperparameters"]) and not found
    return forms, Space(parameters.values()) if whole else None, found


def _presence_problems(request: Request, given: Mapping[Any, Any]) -> list[FieldError]:
    if request.define_by_run and given:
        message = "are chosen by the trials themselves, because define_by_run is set"
        remedy = "leave out define_by_run, or send an empty object"
        return [FieldError("hyperparameters", shown(given), message, remedy)]
    if not request.define_by_run and not given:
        return [FieldError("hyperparameters", shown(given), "is empty", "give at least one")]
    code = request.model_training_code
    if request.define_by_run and not (isinstance(code, Image) and code.image.startswith(FUNCTION)):
        message = "is for Python functions only"
        remedy = "call tunelet.tune(objective), or name hyperparameters and leave it out"
        return [FieldError("define_by_run", True, message, remedy)]
    return []


def _whens(
    written: Mapping[Any, Any], names: Iterable[str], shapes: Mapping[str, Hyperparameter]
) -> tuple[dict[str, dict[str, Condition]], list[FieldError]]:
    """The conditions, also those of hyperparameters that are broken elsewhere."""
    whens, found = {}, []
    for name in names:
        shape = shapes.get(name) or _conditions_of(written[name])
        if shape is None:
            continue
        if faults := list(hyperparameters.condition_faults(shape)):
            found += [_fault(name, fault) for fault in faults]
        else:
            whens[name] = conditions(hyperparameters.canonical_conditions(shape))
    return whens, found


def _conditions_of(form: object) -> Hyperparameter | None:
    if not isinstance(form, dict) or any(unfit(form)):
        return None
    return conditional(form)  # If None, it was reported with the rest of the hyperparameter.


def _fault(name: str, fault: hyperparameters.Fault) -> FieldError:
    return refusal(("hyperparameters", name, *fault.field), *fault[1:])


def _objectives(request: Request) -> list[Objective]:
    if request.objectives is not None:
        return request.objectives
    return [request.objective or Objective()]


def _objective_problems(request: Request) -> list[FieldError]:
    found = []
    if request.objective is not None and request.objectives is not None:
        remedy = "put all of them into objectives"
        found.append(FieldError("objective", None, "is given beside objectives", remedy))
    counts = Counter(one.metric for one in _objectives(request))
    for metric, count in counts.items():
        if count > 1:
            message, remedy = f"has the same metric {count} times", "keep one of them"
            found.append(FieldError("objectives", shown(metric), message, remedy))
    return found


def _constraint_problems(request: Request) -> Iterable[FieldError]:
    for index, one in enumerate(request.constraints):
        field = path([index], "constraints")
        if one.min is None and one.max is None:
            yield FieldError(field, shown(one.metric), "allows everything", "add min or max")
        elif one.min is not None and one.max is not None and one.min > one.max:
            message = f"has a min, {one.min:g}, above its max, {one.max:g}"
            yield FieldError(field, shown(one.metric), message, "swap them")


def _algorithm_problems(
    terms: Terms, broken: Collection[Location], catalog: "Catalog", demands: Demands
) -> Iterable[FieldError]:
    if ("hpo_algorithm",) not in broken:
        algorithm = terms.hpo_algorithm
        yield from catalog.problems(algorithm.name, algorithm.settings, demands)
    if ("early_stopping",) not in broken:
        for index, rule in enumerate(terms.early_stopping):
            field = path([index], "early_stopping")
            yield from catalog.rule_problems(rule.name, rule.settings, demands, field)


def _metrics_problems(request: Request, broken: Collection[Location]) -> list[FieldError]:
    if ("metrics",) in broken:
        return []
    metrics, found = request.metrics, []
    at_a_path = metrics.source in ("file", "tensorboard")
    if at_a_path and metrics.path is None:
        example = "metrics.json" if metrics.source == "file" else "logs"
        remedy = f'add the path of the file or folder, such as "{example}"'
        found.append(FieldError("metrics.path", None, "is missing", remedy))
    if not at_a_path and metrics.path is not None:
        message, remedy = f"means nothing for {metrics.source}", 'set "source": "file"'
        found.append(FieldError("metrics.path", shown(metrics.path), message, remedy))
    if metrics.source == "tensorboard" and metrics.format == "json":
        message, remedy = "means nothing for tensorboard", "leave it out: event files are one form"
        found.append(FieldError("metrics.format", "json", message, remedy))
    code = request.model_training_code
    if at_a_path and isinstance(code, Image) and code.workdir is not None:
        message = "reads a file in a folder that all trials share"
        remedy = "print the values, or leave model_training_code.workdir out"
        found.append(FieldError("metrics.source", metrics.source, message, remedy))
    if metrics.pattern is not None:
        found += _pattern_problems(metrics, [one.metric for one in _objectives(request)])
    return found


def _pattern_problems(metrics: Metrics, objectives: list[str]) -> Iterable[FieldError]:
    if metrics.source in ("push", "tensorboard") or metrics.format == "json":
        remedy = 'leave it out, or set "format": "text" and another source'
        yield FieldError("metrics.pattern", shown(metrics.pattern), "is for text only", remedy)
    from tunelet.training.regex import matchers

    try:
        matchers(metrics.pattern, objectives)
    except Reject as refusal:
        yield from (error._replace(value=shown(error.value)) for error in refusal.errors)


def _cost_problems(max_cost: float | None, cost_per_hour: float | None) -> list[FieldError]:
    if max_cost is None or cost_per_hour is not None:
        return []
    remedy = "say what one hour of one trial costs in cost_per_hour"
    return [FieldError("max_cost", max_cost, "cannot be kept without cost_per_hour", remedy)]


def normalized(
    request: Request, forms: dict[str, dict[str, Any]], enqueue: list[Any]
) -> dict[str, Any]:
    """Write out the spec of a request whose parts have been checked."""
    training = request.model_training_code
    # What only Kubernetes asks for stands there only if it is given.
    code = plain(training, sparse=True)
    if isinstance(training, Image):
        always = {"command": training.command, "args": training.args, "env": training.env}
        resources = plain(training.resources, sparse=True)
        code = {"image": training.image, **always, "resources": resources} | code
    return {
        "name": request.name,
        "namespace": request.namespace,
        "model_training_code": code,
        "hyperparameters": forms,
        **({"define_by_run": True} if request.define_by_run else {}),
        "hpo_algorithm": plain(request.hpo_algorithm),
        "early_stopping": [plain(one) for one in request.early_stopping],
        "objectives": [plain(one) for one in _objectives(request)],
        "constraints": [plain(one) for one in request.constraints],
        "warm_start": [plain(one) for one in request.warm_start],
        "metrics": plain(request.metrics),
        "max_trials": request.max_trials,
        "parallel_trials": request.parallel_trials,
        "max_failed_trials": request.max_failed_trials,
        "give_up_after": request.give_up_after,
        "max_seconds": request.max_seconds,
        "trial_timeout_seconds": request.trial_timeout_seconds,
        "max_cost": request.max_cost,
        "cost_per_hour": request.cost_per_hour,
        "max_attempts": request.max_attempts,
        "enqueue": enqueue,
        "seed": request.seed,
        "ttl_seconds_after_finished": request.ttl_seconds_after_finished,
        "labels": dict(request.labels),
        **(
            {}
            if request.keep_checkpoints is None
            else {"keep_checkpoints": request.keep_checkpoints}
        ),
        **({} if request.keep_output else {"keep_output": False}),
        **({} if request.stall_seconds is None else {"stall_seconds": request.stall_seconds}),
    }
