"""The options and the client that all commands of a service share."""

import functools
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from tunelet.client import Client

# Where nothing listens, an answer in two seconds helps more than one in thirty.
_PATIENCE = 2.0


class Connection(NamedTuple):
    """The service and namespace of a command, and whether it answers in JSON."""

    url: str | None
    namespace: str
    json: bool

    def command(self, verb: str, name: str) -> str:
        """The command line that does `verb` to the same service's experiment."""
        space = f" -n {self.namespace}" if self.namespace != "default" else ""
        return f"tunelet {verb} {name}{space}{f' --url {self.url}' if self.url else ''}"

    def client(self) -> "Client":
        # urllib3 takes longer to import than all of the command line.
        from tunelet.client import Client

        return Client(self.url, self.namespace, patience=_PATIENCE)


_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Write the service's own JSON."),
    click.option(
        "-n", "--namespace", metavar="NAME", help="The namespace. [env: TUNELET_NAMESPACE]"
    ),
    click.option("--url", metavar="URL", help="The service. [env: TUNELET_URL]"),
)


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --url, --namespace and --json, and a Connection as its first argument.

    Must be the decorator next to the function, so that its own options come first in the help.
    """

    @click.pass_context
    @functools.wraps(command)
    def connect(
        ctx: click.Context, /, url: str | None, namespace: str | None, as_json: bool, **own: Any
    ) -> Any:
        return ctx.invoke(command, choose(ctx, url, namespace, as_json), **own)

    decorated: Callable[..., Any] = connect
    for option in _OPTIONS:
        decorated = option(decorated)
    return decorated


def choose(
    ctx: click.Context, url: str | None, namespace: str | None, as_json: bool = False
) -> Connection:
    """The options after the command, else those before it, else the environment."""
    before = ctx.find_root().params
    space = namespace or before.get("namespace") or os.environ.get("TUNELET_NAMESPACE")
    return Connection(url or before.get("url"), space or "default", as_json)


def write_json(answer: object) -> None:
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from tunelet.client import Client
    from tunelet.errors import TuneletError

    where = choose(ctx, ctx.params.get("url"), ctx.params.get("namespace"))
    try:
        known = list(Client(where.url, where.namespace, timeout=1, patience=0).experiments())
    except TuneletError:
        # Completion cannot show an error.
        return []
    return [
        CompletionItem(item.name, help=item.state)
        for item in known
        if item.name.startswith(incomplete)
    ]


name_argument = click.argument("name", shell_complete=_names)
