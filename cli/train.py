"""`tessera train`"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Show = Callable[[Mapping[str, float]], None]
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
    console = Console(stderr=True)
    shown = _bar(console, steps) if console.is_terminal else _lines(console, steps)
    with shown as show:
        best = train(config, out, show, data=data)
    click.echo(f"{best}   (tessera export {best} -o FOLDER makes a model of it)")


@contextmanager
def _bar(console: Console, steps: int) -> Iterator[Show]:
    """A bar that moves with every step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=steps)
        yield lambda told: progress.update(task, completed=told["step"], description=_figures(told))


@contextmanager
def _lines(console: Console, steps: int) -> Iterator[Show]:
    """Where nobody sees a bar move: a line for each evaluation, for a log."""

    def show(told: Mapping[str, float]) -> None:
        if "dice" in told:
            seconds = timedelta(seconds=round(told["seconds"]))
            console.print(f"step {told['step']} of {steps}: {_figures(told)}; {seconds}")

    yield show


def _figures(told: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {told[name]:.3f}" for name in ("loss", "dice") if name in told)
