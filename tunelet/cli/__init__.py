"""The command line: tables for people, the service's JSON for programs (--json).

Exit codes, kept by all commands:

    0   done
    1   the experiment ended without completing: it failed or was stopped
    2   the command line or the request is invalid; every fault is named
    3   the experiment, trial or dead letter does not exist
    4   the service did not answer, or is not ready
    5   the experiment's state does not allow it
    6   the service requires a token, or refuses this one, or the token lacks the right, or a
        quota is used up
    7   the service failed
    130 interrupted

A command's module is imported when the command is called, which keeps the start short.
"""

import importlib
import os
import sys
from typing import Any

import click

from tunelet import __version__
from tunelet.cli import faults

_COMMANDS = {
    "run": ("run", "Search the hyperparameters of a command."),
    "up": ("up", "Start the service on this machine."),
    "worker": ("worker", "Run trials of an experiment on this machine."),
    "submit": ("submit", "Submit an experiment."),
    "list": ("show", "List the experiments of a namespace."),
    "show": ("show", "Show the state, search space and best of an experiment."),
    "trials": ("show", "List the trials of an experiment."),
    "best": ("show", "Show the best trial, or the Pareto front."),
    "watch": ("watch", "Watch an experiment until it ends."),
    "report": ("report", "Write experiments into one HTML file, to look at without a service."),
    "plot": ("plot", "Draw an experiment into an SVG or PNG file."),
    "audit": ("audit", "List who changed an experiment, and when."),
    "logs": ("logs", "Write the output of a trial."),
    "pause": ("control", "Start no more trials."),
    "resume": ("control", "Continue an experiment that is paused or stopped."),
    "stop": ("control", "End an experiment and its running trials, or only one trial."),
    "retry": ("interventions", "Run a failed or stopped trial once more."),
    "note": ("interventions", "Show or change the note on an experiment, or on one of its trials."),
    "label": ("interventions", "Set and remove labels of an experiment."),
    "extend": ("control", "Change an experiment's budget, algorithm or stopping rules."),
    "propose": ("enqueue", "Add one trial that you choose, to run next."),
    "enqueue": ("enqueue", "Add all trials of a file, to run next."),
    "import": ("imports", "Add finished trials from a file, or from a study of Optuna."),
    "delete": ("control", "Delete an experiment and its results."),
    "doctor": ("doctor", "Check a store: rights, latency and consistency."),
    "verify": ("verify", "Check a store for missing, altered and unknown objects."),
    "export": ("export", "Write the trials of an experiment as a table."),
    "dead-letters": ("dead_letters", "Look at events that could not be delivered."),
    "login": ("login", "Sign in at a service, in a browser on any machine."),
    "logout": ("login", "Sign out: forget the sign-in, and end it at the issuer."),
    "whoami": ("whoami", "Show who you are to the service."),
    "token": ("token", "Make a static token of a service."),
    "tenant": ("tenant", "Make the cluster's namespace of a tenant, and list tenants."),
    "schema": ("catalog", "Write the JSON Schema of a request."),
    "algorithms": ("catalog", "List the algorithms and stopping rules of the service."),
    "docs": ("docs", "Read the documents of this version."),
    "completion": ("completion", "Write the completion script of a shell."),
}
"""By name: the module, and what `tunelet --help` says, so that it need not import them all."""

_HABITS = {"ls": "list", "ps": "list", "rm": "delete", "status": "show"}
"""Names that these commands have elsewhere, and that are not near enough to be recognized."""


class _Commands(click.Group):
    """A group of commands, in the order of the table above, each imported from its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"tunelet.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"there is no command {name!r}{_meant(name)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader has closed the pipe, as `| head` does: no error, but click exits with 1.
            # The buffer's rest goes to /dev/null, or Python would report the pipe at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0


def _meant(name: str) -> str:
    import difflib

    like = [_HABITS[name]] if name in _HABITS else difflib.get_close_matches(name, _COMMANDS, 1)
    return f": did you mean {like[0]!r}?" if like else ""


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 experiment failed or stopped, 2 wrong request, 3 not found, "
    "4 service unreachable, 5 not allowed in this state, 6 token, right or quota refused, "
    "7 service failed. 'tunelet docs' shows the documents.",
)
@click.option("--url", metavar="URL", help="The service. [env: TUNELET_URL]")
@click.option("-n", "--namespace", metavar="NAME", help="The namespace. [env: TUNELET_NAMESPACE]")
@click.version_option(__version__, message="tunelet %(version)s")
@click.pass_context
def cli(ctx: click.Context, url: str | None, namespace: str | None) -> None:
    """Hyperparameter optimization without a server to run.

    \b
    Examples:
      tunelet run --float lr=1e-4:0.1:log --minimize loss -n 20 -- python train.py
      tunelet up                             start the service on this machine
      tunelet submit request.yaml --watch    submit an experiment and watch it
      tunelet best digits                    its best hyperparameters
    """
    ctx.obj = {"url": url, "namespace": namespace}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code (see above). Never raises."""
    color = False if os.environ.get("NO_COLOR") else None
    try:
        return _exit_code(cli.main(arguments, "tunelet", standalone_mode=False, color=color))
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except Exception as fault:  # noqa: BLE001 (users get one line, never a traceback)
        faults.show(fault)
        return faults.code(fault)


def _exit_code(result: Any) -> int:
    return result if isinstance(result, int) else 0
