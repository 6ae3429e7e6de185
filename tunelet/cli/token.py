"""token: make the static tokens of a small installation."""

import json
import re

import click

from tunelet.text.credential import generated, hashed

_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f,]{1,200}")


@click.group("token")
def token_command() -> None:
    """Make a static token of a service.

    \b
    Example:
      tunelet token new ci
    """


@token_command.command("new")
@click.argument("name")
def new(name: str) -> None:
    """Write a new token for NAME, and the lines by which a service knows it.

    The token goes to standard output, once. The lines for the file of TUNELET_IDENTITY, with the
    token's hash, go to standard error; alone they are a complete file.

    \b
    Examples:
      tunelet token new ci > ci.token 2> identity.yaml
    """
    if not _NAME.fullmatch(name):
        raise click.BadParameter("give 1 to 200 characters without commas", param_hint="NAME")
    token = generated()
    click.echo("# The file of TUNELET_IDENTITY, with a role as an example:", err=True)
    known = {"name": name, "sha256": hashed(token)}
    role = {"role": "editor", "namespaces": ["default"], "actors": [f"token:{name}"]}
    click.echo(f"tokens:\n  - {json.dumps(known)}\nroles:\n  - {json.dumps(role)}", err=True)
    click.echo(token)
