"""`tessera models verify`: runs the reference case of a model on this machine."""

import click
from rich.console import Console
from rich.table import Table

from cli.device_option import device_option
from cli.engine import engine_of_settings
from cli.model_registry import registry
from cli.precision_option import precision_option
from cli.progress_bar import progress_bar
from inference.engine import Engine
from inference.mask_similarity import OBJECTS
from inference.options import RunOptions
from inference.reference_case import stated_reference
from inference.reference_outcome import ReferenceOutcome
from models.card import ModelCard
from models.registry import Model


@click.command("verify")
@click.argument("name")
@device_option
@precision_option
@click.pass_context
def command(ctx: click.Context, name: str, device: str, precision: str) -> None:
    """Compare this machine's mask of the reference case of the model NAME with the given one.

    The case runs in the precision that jobs use. If it fails in a lower precision than fp32, it
    runs again in fp32, and jobs use that. The result is kept for the jobs of this machine: if the
    case fails, they say so. The exit status is 1 if it fails. Of a model that is made of others,
    the cases of its parts are run.
    """
    engine, options = engine_of_settings(), RunOptions(device, precision)
    networks = engine.networks_of(registry().get(name))
    stated = [network for network in networks if network.card.reference is not None]
    passed = [_passes(network, engine, options) for network in stated or networks[:1]]
    for network in networks:
        if network not in stated:
            click.echo(f"{network.card.name} has no reference case.")
    ctx.exit(0 if all(passed) else 1)


def _passes(network: Model, engine: Engine, options: RunOptions) -> bool:
    """Runs and prints the reference case; raises BadModel where there is none."""
    stated_reference(network)
    with progress_bar(f"reference case of {network.card.name}") as context:
        outcomes = engine.verify(network, options, context)
    for outcome in outcomes:
        show(outcome, network.card)
    return outcomes[-1].passed


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
