"""Trains from a configuration file, for `tessera train`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Show = Callable[[Mapping[str, float]], None]


def train_as_configured(config: Path, out: Path, data: Path) -> None:
    """Trains, shows the progress, and says how the network becomes a model."""
    from models.training.config import TrainingConfig
    from models.training.train import train

    steps = TrainingConfig.load(config).optimisation.steps
    console = Console(stderr=True)
    shown = _bar(console, steps) if console.is_terminal else _lines(console, steps)
    with shown as show:
        best = train(config, out, show, data=data)
    click.echo(f"{best}   (to make a model of it: tessera export {best} -o FOLDER)")


@contextmanager
def _bar(console: Console, steps: int) -> Iterator[Show]:
    """A progress bar, for a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=steps)
        yield lambda row: progress.update(task, completed=row["step"], description=_figures(row))


@contextmanager
def _lines(console: Console, steps: int) -> Iterator[Show]:
    """A line for each evaluation, for a log."""

    def show(row: Mapping[str, float]) -> None:
        if "dice" in row:
            seconds = timedelta(seconds=round(row["seconds"]))
            console.print(f"step {row['step']} of {steps}: {_figures(row)}; {seconds}")

    yield show


def _figures(row: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {row[name]:.3f}" for name in ("loss", "dice") if name in row)
