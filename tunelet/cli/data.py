"""The option --data: the folder of a service on this machine."""

from pathlib import Path

import click

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tunelet-data"),
    envvar="TUNELET_DATA",
    show_default=True,
    show_envvar=True,
    help="The folder of the log, outputs and checkpoints.",
)
