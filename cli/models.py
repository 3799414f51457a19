"""`tessera models` and its subcommands: `show`, `add`, `import`, `describe` and `record`"""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from cli.add_model import add_verified, prepare
from cli.describe import describe
from cli.import_model import command as import_command
from cli.model_registry import registry
from cli.record import record
from imaging.orientation import RAS
from models.card import ModelCard


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, add, import, describe and measure models.

    Without a subcommand, the models are listed.
    """
    if ctx.invoked_subcommand is None:
        _list()


command.add_command(describe)
command.add_command(import_command)
command.add_command(record)


def _list() -> None:
    table = Table("name", "version", "", "labels", "title", box=None, header_style="bold")
    for model in registry().all():
        card = model.card
        labels = ", ".join(label.name for label in card.labels)
        table.add_row(card.name, card.version, f"{card.dimension}D", labels, card.title)
    Console().print(table)


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the complete card as JSON.")
def show(name: str, as_json: bool) -> None:
    """Print the card of the model NAME."""
    card = registry().get(name).card
    if as_json:
        click.echo(card.model_dump_json(indent=2))
        return
    table = Table(box=None, show_header=False)
    for field, value in _lines(card):
        table.add_row(f"[bold]{field}[/]", value)
    Console().print(table)


def _lines(card: ModelCard) -> list[tuple[str, str]]:
    labels = ", ".join(f"{label.value} {label.name}" for label in card.labels)
    sizes = [str(mm or "scan's") for mm in card.network_spacing_mm or ()]
    spacing = " x ".join(sizes) + " mm" if sizes else "that of the scan"
    figures = ", ".join(f"{name} {value:g}" for name, value in card.figures.items())
    return [
        ("name", f"{card.name} {card.version}"),
        ("title", card.title),
        ("takes", f"{card.dimension}D; " + ", ".join(c.name for c in card.requested_channels)),
        ("gives", f"{labels}{' (objects numbered)' if card.instances else ''}"),
        ("axes", "ij" if card.dimension == 2 and card.orientation == RAS else card.orientation),
        ("spacing", spacing),
        ("values", ", ".join(step.step for step in card.preparation) or card.value_rule.kind),
        (
            "network",
            ", ".join(
                (
                    f"{card.parameters:,} parameters",
                    f"padding {card.padding}",
                    f"halo {card.halo[0]}",
                    f"align {card.align[0]}",
                    "exact" if card.exact else "not exact",
                )
            ),
        ),
        ("figures", figures or "none given"),
        ("accuracy", _accuracy(card)),
        ("data", card.data),
        ("licence", card.licence),
        ("limits", card.limits),
        ("use", card.intended_use),
    ]


def _accuracy(card: ModelCard) -> str:
    record = card.accuracy
    if record is None:
        return "not recorded"
    scores = ", ".join(
        f"{name} {record.fp32[name]:g} / {record.lower[name]:g}" for name in record.fp32
    )
    return f"fp32 / {record.precision} on {record.cases} cases: {scores}"


@command.command("add")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    default="",
    metavar="NAME",
    help="Output of a network that has several. By default the first.",
)
def add(folder: Path, output: str) -> None:
    """Add your own model: FOLDER contains a network in ONNX and card.json.

    What follows from the network need not be in the card: padding, halo, align, minimum, exact.
    They are derived, and what the card states of them is checked. Then the network is run. On the
    sample of its card it is also checked whether this machine may run it in a lower precision than
    fp32.
    """
    model = add_verified(folder, output)
    click.echo(f"Checked and added: {model.card.name} {model.card.version}.")
    prepare(model)
