"""Shows how a fine-tuned model compares with its parent, and refuses one that is worse."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from imaging.counted import counted
from imaging.errors import BadModel, BadRequest
from models.card import ModelCard
from models.comparison import Comparison, comparison


def show_comparison(found: Comparison) -> None:
    """Prints both figures of every label, on how many cases, and warnings."""
    parent = found.card.parent
    if parent is None:
        return
    click.echo(
        f"On {counted(parent.held_out_cases, 'held-out case')} of "
        f"{counted(parent.held_out_subjects, 'subject')}:"
    )
    table = Table("", f"{parent.name} {parent.version}", f"version {found.card.version}", box=None)
    for name, before, after in found.rows():
        table.add_row(name, f"{before:.4f}", f"{after:.4f}")
    Console(highlight=False).print(table)
    for text in found.warnings():
        click.echo(f"Note: {text}")


def check_better(folder: Path, *, even_if_worse: bool) -> None:
    """Prints a fine-tuned model's comparison; raises BadRequest if it is worse than its parent.

    Other folders pass: adding them checks them.
    """
    try:
        found = comparison(ModelCard.load(folder / "card.json"))
    except BadModel:
        return
    if found is None:
        return
    show_comparison(found)
    if not found.is_worse:
        return
    if even_if_worse:
        click.echo("Warning: the new version is worse than its parent. It is added nevertheless.")
        return
    raise BadRequest(
        f"The new version is worse than its parent: {found.main} {found.after[found.main]:.4f} "
        f"instead of {found.before[found.main]:.4f}.",
        expected="A version that is at least as good on the held-out cases.",
        hint="Judge more masks, or train with fewer steps or a lower learning rate. To add it "
        "nevertheless: --even-if-worse.",
    )
