"""`tessera models remove`"""

import click

from cli.model_registry import changing_registry


@click.command("remove")
@click.argument("name")
def command(name: str) -> None:
    """Delete the model NAME, which was added, imported or combined.

    Jobs that wait for it fail. The masks that it made remain.
    """
    with changing_registry() as models:
        models.remove(name)
    click.echo(f"Removed: {name}.")
