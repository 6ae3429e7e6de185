"""The page of all fields of a request, from its JSON Schema."""

from typing import Any

from manual.reference.markdown import paragraphs
from manual.reference.schema import fields
from tunelet.request.models import request_schema

_HEAD = """# The request

`POST /api/submit_job`, `tunelet submit` and `Client.submit` take this JSON object, and the command
also the same as YAML. Fields that are not in these tables are refused.
[The JSON Schema](request.schema.json) has the same rules, for editors and programs; a service has
its own at `/api/schema`, and `tunelet schema` writes it.

This page is generated from the schema.
"""


def page() -> str:
    """The page as Markdown."""
    schema = request_schema()
    parts = [_HEAD, _object("Request", schema)]
    parts += [_object(name, each) for name, each in sorted(schema["$defs"].items())]
    return paragraphs(*parts)


def _object(name: str, schema: dict[str, Any]) -> str:
    return paragraphs(f"## {name}", schema.get("description", ""), fields(schema, link))


def link(name: str) -> str:
    """The link to a part of the request."""
    return f"[{name}](#{name.lower()})"
