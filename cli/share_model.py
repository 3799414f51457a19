"""`tessera models share`"""

import click

from cli.model_registry import registry
from cli.recorded_change import recorded_change
from jobs.audit.event import AuditAction, AuditObject


@click.command("share")
@click.argument("name")
def command(name: str) -> None:
    """Let all projects use NAME@VERSION, which was trained in one of them.

    A version that a training publishes is for the project of the training alone. It learned from
    the scans of this project. Projects that are limited to other models still do not see it.
    """
    card = registry().network(name).card
    with recorded_change(
        AuditObject.MODEL, card.full_name, action=AuditAction.CONFIGURATION
    ) as change:
        change.repository.project_models.share(card.checksum)
    click.echo(f"{card.full_name} is for all projects that may use {card.name}.")
