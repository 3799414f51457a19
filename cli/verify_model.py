"""`tessera models verify`: runs the reference case of a model on this machine."""

import click
from rich.console import Console
from rich.table import Table

from cli.device_option import device_option
from cli.engine import engine_of_settings
from cli.model_registry import registry
from cli.precision_option import precision_option
from cli.progress_bar import progress_bar
from inference.mask_similarity import OBJECTS
from inference.options import RunOptions
from inference.reference_case import stated_reference
from inference.reference_outcome import ReferenceOutcome
from models.card import ModelCard


@click.command("verify")
@click.argument("name")
@device_option
@precision_option
@click.pass_context
def verify(ctx: click.Context, name: str, device: str, precision: str) -> None:
    """Compare this machine's mask of the reference case of the model NAME with the given one.

    The case runs in the precision that jobs use. If it fails in a lower precision than fp32, it
    runs again in fp32, and jobs use that. The result is kept for the jobs of this machine: if the
    case fails, they say so. The exit status is 1 if it fails.
    """
    model = registry().network(name)
    stated_reference(model)
    with progress_bar("reference case") as context:
        outcomes = engine_of_settings().verify(model, RunOptions(device, precision), context)
    for outcome in outcomes:
        show(outcome, model.card)
    ctx.exit(0 if outcomes[-1].passed else 1)


def show(outcome: ReferenceOutcome, card: ModelCard) -> None:
    """Prints a row for each label, what differs, and whether the case passes."""
    names = {str(label.value): f"{label.value} {label.name}" for label in card.labels}
    table = Table("label", box=None, header_style="bold")
    table.add_column("Dice", justify="right")
    for key, score in outcome.dice.items():
        title = "single objects (mean precision)" if key == OBJECTS else names.get(key, key)
        table.add_row(title, f"{score:.5f}")
    Console().print(table)
    click.echo(
        f"{outcome.differing:,} of {outcome.voxels:,} voxels differ "
        f"({outcome.differing / outcome.voxels:.4%}). {outcome.seconds:.2f} s on {outcome.device} "
        f"in {outcome.precision}."
    )
    click.echo(f"Reference case: {'passed' if outcome.passed else 'FAILED'}. {outcome.failure}")
