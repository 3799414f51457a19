"""`tessera train`"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("train")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--out",
    type=_FOLDER,
    default=Path("training"),
    show_default=True,
    help="Folder of checkpoints and figures; a run that stopped goes on from there.",
)
@click.option("--data", type=_FOLDER, default=Path(), help="What the config's paths start from.")
def command(config: Path, out: Path, data: Path) -> None:
    """Train a network as CONFIG (TOML) says. Needs the extra `train`."""
    from models.training.config import TrainingConfig
    from models.training.train import train

    steps = TrainingConfig.load(config).optimisation.steps
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("training", total=steps)

        def show(told: Mapping[str, Any]) -> None:
            figures = [f"{name} {told[name]:.3f}" for name in ("loss", "dice") if name in told]
            progress.update(task, completed=told["step"], description=", ".join(figures))

        best = train(config, out, show, data=data)
    click.echo(f"{best}   (tessera export {best} -o FOLDER makes a model of it)")
