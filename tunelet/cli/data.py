"""The folder in which a service of this machine keeps everything."""

from pathlib import Path

import click

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("tunelet-data"),
    envvar="TUNELET_DATA",
    show_default=True,
    show_envvar=True,
    help="Where everything is kept.",
)
