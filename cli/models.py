"""`tessera models` and its subcommands"""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.add_model import add_verified, prepare
from cli.combine_models import add_combination, combine
from cli.describe import describe
from cli.given_case import CaseOptions, case_options, opened_case
from cli.import_model import command as import_command
from cli.model_registry import registry
from cli.record import record
from cli.remove_model import remove
from cli.verify_model import verify
from imaging.orientation import RAS
from models.any_card import AnyCard, lists_parts
from models.card import ModelCard
from models.card_parts import Within
from models.combination import Combination
from models.combined_card import CombinedCard


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, add, import, combine, describe, measure, verify and remove models.

    Without a subcommand, the models are listed.
    """
    if ctx.invoked_subcommand is None:
        _list()


command.add_command(combine)
command.add_command(describe)
command.add_command(import_command)
command.add_command(record)
command.add_command(remove)
command.add_command(verify)


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


def _lines(card: AnyCard) -> list[tuple[str, str]]:
    labels = ", ".join(f"{label.value} {label.name}" for label in card.labels)
    own = _parts(card) if isinstance(card, CombinedCard) else _network(card)
    return [
        ("name", f"{card.name} {card.version}"),
        ("title", card.title),
        ("takes", f"{card.dimension}D; " + ", ".join(c.name for c in card.requested_channels)),
        ("gives", f"{labels}{' (objects numbered)' if card.instances else ''}"),
        *([("box", _box(card.within))] if card.within else []),
        *own,
        ("data", card.data),
        ("licence", card.licence),
        ("limits", card.limits),
        ("use", card.intended_use),
    ]


def _box(within: Within) -> str:
    labels = ", ".join(within.labels) or "all labels"
    return f"{labels} of {within.model}, and {within.margin_mm:g} mm around them"


def _parts(card: CombinedCard) -> list[tuple[str, str]]:
    """In the order in which they are painted."""
    return [
        (
            f"part {number}",
            f"{part.model} {part.version}: "
            + ", ".join(f"{label.label} -> {label.value}" for label in part.labels),
        )
        for number, part in enumerate(card.parts, 1)
    ]


def _network(card: ModelCard) -> list[tuple[str, str]]:
    sizes = [str(mm or "scan's") for mm in card.network_spacing_mm or ()]
    spacing = " x ".join(sizes) + " mm" if sizes else "that of the scan"
    figures = ", ".join(f"{name} {value:g}" for name, value in card.figures.items())
    facts = (
        f"{card.parameters:,} parameters",
        f"padding {card.padding}",
        f"halo {card.halo[0]}",
        f"align {card.align[0]}",
        "exact" if card.exact else "not exact",
    )
    return [
        ("axes", "ij" if card.dimension == 2 and card.orientation == RAS else card.orientation),
        ("spacing", spacing),
        ("values", ", ".join(step.step for step in card.preparation) or card.value_rule.kind),
        ("network", ", ".join(facts)),
        ("figures", figures or "none given"),
        ("accuracy", _accuracy(card)),
        ("reference", "`tessera models verify` runs it" if card.reference else "none"),
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
@case_options
def add(folder: Path, output: str, **case: Any) -> int:
    """Add your own model: FOLDER contains a network in ONNX and card.json, or the card.json of a
    model that is made of others.

    What follows from the network need not be in the card: padding, halo, align, minimum, exact.
    They are derived, and what the card states of them is checked. Then the network is run. On its
    sample or reference it is also checked whether this machine may run it in a lower precision
    than fp32, and whether it gives the reference's mask.
    """
    given = CaseOptions.taken_from(case)
    if lists_parts(folder / "card.json"):
        given.refuse("A model that is made of others")
        add_combination(Combination.load(folder / "card.json"))
        return 0
    with opened_case(given) as opened:
        model = add_verified(folder, output, opened)
    click.echo(f"Checked and added: {model.card.name} {model.card.version}.")
    return prepare(model)
