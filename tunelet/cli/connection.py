"""The options and the client that all commands of a service share."""

import functools
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem

    from tunelet.cli.over_store import Place
    from tunelet.client import Client

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# Where nothing listens, an answer in two seconds helps more than one in thirty.
_PATIENCE = 2.0


class Connection(NamedTuple):
    """The service and namespace of a command, and whether it answers in JSON."""

    url: str | None
    namespace: str
    json: bool
    store: str | None = None
    """Used in place of a service."""
    without_service: bool = False
    """Whether the command also works on the store that `tunelet run` uses here."""

    def command(self, verb: str, name: str) -> str:
        """The command line that does `verb` to the same service's experiment."""
        space = f" -n {self.namespace}" if self.namespace != "default" else ""
        at = f" --url {self.url}" if self.url else f" --store {self.store}" if self.store else ""
        return f"tunelet {verb} {name}{space}{at}"

    def client(self) -> "Client":
        """A client of the service, or of a store where none runs: then it says which."""
        if self.without_service and (place := self.place()):
            from tunelet.cli import over_store
            from tunelet.client.client import DEFAULT_URL

            if self.store is None:
                click.echo(f"no service answers at {DEFAULT_URL}: using {place.shown}", err=True)
            return over_store.client(place, self.namespace)
        return self._of_service()

    def place(self) -> "Place | None":
        """The store to use in place of a service; None if there is a service, or no store."""
        from tunelet.cli import over_store
        from tunelet.client.client import DEFAULT_URL

        if self.store is not None:
            return over_store.named(self.store)
        if self.url or os.environ.get("TUNELET_URL"):
            return None
        return over_store.found(DEFAULT_URL)

    def _of_service(self) -> "Client":
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
_STORE = click.option(
    "--store",
    metavar="FOLDER|URL",
    help="Use this store in place of a service.  [default where none answers: as tunelet run]",
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

    return _with(_OPTIONS, connect)


def connected_or_stored(command: Callable[..., Any]) -> Callable[..., Any]:
    """Do as `connected`, for a command that works on a store without a service, too."""

    @click.pass_context
    @functools.wraps(command)
    def connect(
        ctx: click.Context,
        /,
        url: str | None,
        store: str | None,
        namespace: str | None,
        as_json: bool,
        **own: Any,
    ) -> Any:
        if url and store:
            raise click.UsageError("name either a service with --url, or a store with --store")
        connection = choose(ctx, None if store else url, namespace, as_json)
        connection = connection._replace(store=store, without_service=True)
        return ctx.invoke(command, connection, **own)

    return _with((_STORE, *_OPTIONS), connect)


def _with(options: "Iterable[Decorator]", command: Callable[..., Any]) -> Callable[..., Any]:
    for option in options:
        command = option(command)
    return command


def choose(
    ctx: click.Context, url: str | None, namespace: str | None, as_json: bool = False
) -> Connection:
    """The options after the command, else those before it, else the environment."""
    before = ctx.find_root().params
    space = namespace or before.get("namespace") or os.environ.get("TUNELET_NAMESPACE")
    return Connection(url or before.get("url"), space or "default", as_json)


def write_json(answer: object) -> None:
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from tunelet.errors import TuneletError

    try:
        known = list(_completing(ctx).experiments())
    except (TuneletError, OSError, click.ClickException):
        # Completion cannot show an error.
        return []
    return [
        CompletionItem(item.name, help=item.state)
        for item in known
        if item.name.startswith(incomplete)
    ]


def _completing(ctx: click.Context) -> "Client":
    """A client that answers soon: of a folder or a service, and not of a bucket."""
    from tunelet.cli import over_store
    from tunelet.client import Client

    where = choose(ctx, ctx.params.get("url"), ctx.params.get("namespace"))
    if any(each.name == "store" for each in ctx.command.params):
        place = where._replace(store=ctx.params.get("store")).place()
        if place is not None and place.url.startswith("file:"):
            return over_store.client(place, where.namespace)
    return Client(where.url, where.namespace, timeout=1, patience=0)


name_argument = click.argument("name", shell_complete=_names)
