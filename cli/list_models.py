"""The table that `tessera models` prints"""

from rich.console import Console
from rich.table import Table

from cli.model_registry import registry


def list_models() -> None:
    """Prints name, version, dimension, labels and title of each model."""
    table = Table("name", "version", "", "labels", "title", box=None, header_style="bold")
    for model in registry().all():
        card = model.card
        labels = ", ".join(label.name for label in card.labels)
        table.add_row(card.full_name, card.version, f"{card.dimension}D", labels, card.title)
    Console().print(table)
