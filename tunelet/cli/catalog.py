"""schema and algorithms: the fields and algorithms that a request can name."""

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tunelet.cli.connection import Connection, connected, write_json
from tunelet.cli.table import lines, width
from tunelet.client.report import Rows
from tunelet.errors import NotFound


@click.command("schema")
@connected
def schema_command(connection: Connection) -> None:
    """Write the JSON Schema of a request.

    From the service if one is named, else from the installed package.

    \b
    Example:
      tunelet schema > tunelet.schema.json
    """
    installed = None if _named(connection) else _installed()
    write_json(connection.client().schema() if installed is None else installed)


def _installed() -> dict[str, Any] | None:
    """The schema, if the service's packages are there as well as the client's."""
    try:
        from tunelet.request.models import request_schema
    except ModuleNotFoundError:
        return None
    return request_schema()


@click.command("algorithms")
@click.argument("name", required=False)
@connected
def algorithms_command(connection: Connection, name: str | None) -> None:
    """List the algorithms and stopping rules of the service.

    With NAME, show what that one supports and its settings. Where no service is named and none
    answers, they are those of the installed package.

    \b
    Examples:
      tunelet algorithms
      tunelet algorithms tpe
      tunelet algorithms --json | jq '.algorithms[].name'
    """
    known = _known(connection)
    if name is not None:
        known = {key: [one for one in ones if one["name"] == name] for key, ones in known.items()}
        if not any(known.values()):
            raise NotFound(f"There is no algorithm or stopping rule {name}")
    if connection.json:
        write_json(known)
    elif name is None:
        titles = ("ALGORITHM", "INSTALLED", "SUPPORTS", "SUMMARY")
        click.echo("\n".join(lines(_overview(known["algorithms"], titles), width())))
        click.echo()
        titles = ("STOPPING RULE", *titles[1:])
        click.echo("\n".join(lines(_overview(known["early_stopping"], titles), width())))
    else:
        click.echo("\n\n".join(_in_full(one) for ones in known.values() for one in ones))


def _named(connection: Connection) -> str | None:
    return connection.url or os.environ.get("TUNELET_URL")


def _known(connection: Connection) -> dict[str, Any]:
    from tunelet.cli.over_store import answers
    from tunelet.client.client import DEFAULT_URL

    if not (_named(connection) or answers(DEFAULT_URL)) and (installed := _installed_catalog()):
        return installed
    client = connection.client()
    return {"algorithms": client.algorithms(), "early_stopping": client.stopping_rules()}


def _installed_catalog() -> dict[str, Any] | None:
    """The algorithms, if the service's packages are there as well as the client's."""
    from tunelet.bundle import activate

    activate()
    try:
        catalog = importlib.import_module("algorithms").load_catalog()
    except ModuleNotFoundError:
        return None
    return {"algorithms": list(catalog.describe()), "early_stopping": list(catalog.rules())}


def _overview(known: Sequence[Mapping[str, Any]], titles: tuple[str, ...]) -> Rows:
    rows = tuple(
        (
            each["name"],
            "yes" if each["installed"] else f"[{each['extra']}]",
            _supports(each["supports"]),
            each["summary"],
        )
        for each in known
    )
    return Rows(titles, rows)


def _supports(supports: Mapping[str, Any]) -> str:
    """A word for each feature, as docs/reference/algorithms.md explains them."""
    able = {
        "conditions": supports["conditions"] and supports.get("branches", True),
        "several": supports["objectives"] != 1,
        "limits": supports["constraints"],
        "budgets": supports["fidelity"],
    }
    return " ".join(word for word, can in able.items() if can) or "-"


def _conditions(supports: Mapping[str, Any]) -> str:
    if not supports["conditions"]:
        return "no"
    return "yes" if supports.get("branches", True) else "drawn"


def _in_full(one: Mapping[str, Any]) -> str:
    supports = one["supports"]
    most = supports["objectives"]
    facts = {
        "Installed": "yes" if one["installed"] else f"no: pip install tunelet[{one['extra']}]",
        "Conditions": _conditions(supports),
        "Choices": supports.get("choices", "yes"),
        "Integers": "yes" if supports["integers"] else "rounded",
        "Objectives": "any number" if most is None else f"at most {most}",
        "Constraints": "yes" if supports["constraints"] else "no",
        "Budgets": "yes" if supports["fidelity"] else "no",
        "Warm start": "yes" if supports.get("warm_start", True) else "no",
        "In parallel": supports["parallel"] or "any number",
    }
    head = [f"{one['name']}: {one['summary']}", ""]
    head += [f"{fact + ':':13}{value}" for fact, value in facts.items()]
    if not one["settings"]:
        return "\n".join([*head, "", "It has no settings."])
    rows = tuple(
        (
            each["name"],
            each["type"],
            "required" if each["required"] else json.dumps(each["default"]),
            each["summary"],
        )
        for each in one["settings"]
    )
    table = Rows(("SETTING", "TYPE", "DEFAULT", "MEANING"), rows)
    return "\n".join([*head, "", *lines(table, width())])
