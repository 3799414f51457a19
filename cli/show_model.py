"""`tessera models show`"""

import click
from rich.console import Console
from rich.table import Table

from cli.model_registry import registry
from imaging.counted import counted
from imaging.orientation import RAS
from models.any_card import AnyCard
from models.card import ModelCard
from models.card_parts import Within
from models.combined_card import CombinedCard
from models.comparison import comparison


@click.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the complete card as JSON.")
def command(name: str, as_json: bool) -> None:
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
        ("name", f"{card.full_name} {card.version}"),
        ("title", card.title),
        ("takes", f"{card.dimension}D; " + ", ".join(c.name for c in card.requested_channels)),
        ("gives", f"{labels}{' (objects numbered)' if card.instances else ''}"),
        *([("box", _box(card.within))] if card.within else []),
        *own,
        *_origin(card),
        ("data", card.data),
        ("licence", card.licence),
        ("limits", card.limits),
        ("use", card.intended_use),
    ]


def _origin(card: AnyCard) -> list[tuple[str, str]]:
    """What a fine-tuned model was made of."""
    found = comparison(card) if isinstance(card, ModelCard) else None
    if found is None or found.card.parent is None:
        return []
    parent, name = found.card.parent, found.main
    text = (
        f"{parent.name} {parent.version}; {name} {found.before[name]:.4f}, now "
        f"{found.after[name]:.4f}, on {parent.held_out_cases} held-out cases; fine-tuned on "
        f"{parent.training_cases}"
    )
    return [("parent", text)]


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
    return f"fp32 / {record.precision} on {counted(record.cases, 'case')}: {scores}"
