"""`tessera models`, `tessera models show NAME`, `... describe CONFIG`, `... add DIR`"""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from cli.describe import describe
from imaging.errors import TesseraError
from jobs.settings import Settings
from models.card import ModelCard
from models.registry import Registry


def registry() -> Registry:
    """The shipped models and those of this data folder."""
    return Registry(Settings().added_models)


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """What can be served; without a subcommand, a list."""
    if ctx.invoked_subcommand is None:
        _list()


command.add_command(describe)


def _list() -> None:
    table = Table("name", "version", "", "labels", "title", box=None, header_style="bold")
    for model in registry().all():
        card = model.card
        labels = ", ".join(label.name for label in card.labels)
        table.add_row(card.name, card.version, f"{card.dimension}D", labels, card.title)
    Console().print(table)


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The whole card.")
def show(name: str, as_json: bool) -> None:
    """Print what the card of NAME says."""
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
    spacing = " x ".join(map(str, card.spacing_mm)) + " mm" if card.spacing_mm else "the scan's own"
    figures = ", ".join(f"{name} {value:g}" for name, value in card.figures.items())
    return [
        ("name", f"{card.name} {card.version}"),
        ("title", card.title),
        ("takes", f"{card.dimension}D; " + ", ".join(c.name for c in card.channels)),
        ("gives", f"{labels}{' (objects numbered)' if card.instances else ''}"),
        ("spacing", spacing),
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
        ("data", card.data),
        ("licence", card.licence),
        ("limits", card.limits),
        ("use", card.intended_use),
    ]


@command.command("add")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def add(folder: Path) -> None:
    """Serve your own network: FOLDER holds model.onnx and card.json.

    The network is run first: channels, sizes and, if its card calls it exact, that tiles do not
    change its logits; and, on its card's sample, whether it bears less than fp32 on this machine.
    """
    from inference.engine import Engine
    from inference.verify import verify

    settings = Settings()
    model = registry().add(folder, verify)
    click.echo(f"{model.card.name} {model.card.version} was checked and can be served.")
    engine = Engine(
        registry(),
        settings.device,
        settings.memory_bytes,
        settings.threads,
        cache=settings.cache_folder,
    )
    try:
        device = engine.prepare(model)
    except (TesseraError, MemoryError) as error:
        click.echo(f"It could not be tried on this machine's own device: {error}")
    else:
        click.echo(f"Here it runs on {device.name} in {device.precision}.")
