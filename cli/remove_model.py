"""`tessera models remove`"""

import click

from cli.model_registry import registry


@click.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Delete the model NAME, which was added, imported or combined.

    Jobs that wait for it fail. The masks that it made remain.
    """
    registry().remove(name)
    click.echo(f"Removed: {name}.")
