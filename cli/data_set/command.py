"""`tessera dataset` and its subcommands"""

import click

from cli.lazy_group import LazyGroup

COMMANDS = {
    "export": ("cli.data_set.export", "Export judged masks with their scans, to train on."),
}


@click.group("dataset", cls=LazyGroup, lazy=COMMANDS)
def command() -> None:
    """Make data sets of masks that readers accepted or corrected."""
