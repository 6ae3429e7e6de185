"""completion: the script that teaches a shell the commands and experiments' names."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Write the completion script of a shell.

    \b
    Examples:
      eval "$(tunelet completion bash)"                                in ~/.bashrc
      eval "$(tunelet completion zsh)"                                 in ~/.zshrc
      tunelet completion fish > ~/.config/fish/completions/tunelet.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "tunelet", "_TUNELET_COMPLETE").source())
