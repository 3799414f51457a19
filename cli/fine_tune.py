"""Fine-tunes an installed model, for `tessera train --start`."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.add_model import add_verified, prepare
from cli.fine_tuned import check_better, show_comparison
from cli.folder_lock import locked_folder
from cli.model_registry import registry
from imaging.errors import BadRequest, Conflict
from models.card import ModelCard
from models.comparison import comparison
from models.installed_model import CombinedModel

_VERSION = ".version"
"""File of the new version's name, so that a training that continues keeps it."""


def fine_tune_model(
    start: str,
    data: Path,
    out: Path,
    options: Mapping[str, Any],
    *,
    publish: bool,
    as_json: bool,
) -> int:
    """Fine-tunes, prints the comparison, and publishes; returns the exit status.

    `options`: fields of `FineTuneOptions` that the user chose.
    """
    from models.training.fine_tune import FineTuneOptions, fine_tune

    parent = _folder_of(start)
    options = {"version": _version(parent, out), **options}
    in_use = Conflict(
        f"Another training into {out} is running.",
        expected="A folder that no other training uses.",
        hint="Wait until it has ended, or give another folder with --out.",
    )
    shown = _json_lines() if as_json else _bar()
    with locked_folder(out, ".train.lock", in_use, "--out"), shown as show:
        done = fine_tune(parent, data, out, FineTuneOptions(**options), show)
    if as_json:
        _write_line({"result": asdict(done) | {"folder": str(done.folder)}})
    else:
        _show(done.folder, out)
    if not publish:
        return 0
    check_better(done.folder, even_if_worse=False)
    model = add_verified(done.folder)
    click.echo(f"Checked and added: {model.card.full_name}.")
    return prepare(model)


def _folder_of(start: str) -> Path:
    """The folder of a model or a training, or of an installed model; raises NotFound."""
    path = Path(start)
    if path.is_file():
        return path.parent
    if any((path / name).is_file() for name in ("card.json", "best.pt")):
        return path
    model = registry().get(start)
    if isinstance(model, CombinedModel):
        raise BadRequest(
            f"{start} is made of other models, and has no network of its own.",
            expected="A model with a network.",
            hint=f"Fine-tune one of its parts: {', '.join(p.card.full_name for p in model.parts)}.",
        )
    return model.folder


def _version(parent: Path, out: Path) -> str:
    """That of the training in the folder `out`, if there is one, else a free one."""
    stated = out / _VERSION
    if not stated.is_file():
        out.mkdir(parents=True, exist_ok=True)
        stated.write_text(_free_version(parent))
    return stated.read_text()


def _free_version(folder: Path) -> str:
    """The number after the newest installed version of the model; empty where that is unknown."""
    if not (folder / "card.json").is_file():
        return ""
    name = ModelCard.load(folder / "card.json").name
    versions = [model.card.version for model in registry().versions(name)]
    numbers = [int(version) for version in versions if version.isdecimal()]
    return str(max(numbers) + 1) if numbers else ""


def _show(folder: Path, out: Path) -> None:
    found = comparison(ModelCard.load(folder / "card.json"))
    if found is not None:
        show_comparison(found)
    click.echo(f"The model is in {folder}; the figures of each case are in {out}/held-out.json.")
    click.echo(f"To publish it: tessera models add {folder}")


@contextmanager
def _bar() -> Iterator[Callable[[Any], None]]:
    """A progress bar on a terminal, and a line for each phase elsewhere."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task, phases = progress.add_task("reading", total=None), set[str]()

        def show(state: Any) -> None:
            loss = "" if state.loss is None else f", loss {state.loss:.3f}"
            progress.update(
                task,
                completed=state.step,
                total=state.total,
                description=f"{state.phase.value}{loss}",
            )
            if state.phase.value not in phases and not console.is_terminal:
                console.print(state.phase.value)
            phases.add(state.phase.value)

        yield show


@contextmanager
def _json_lines() -> Iterator[Callable[[Any], None]]:
    yield lambda state: _write_line({"progress": asdict(state)})


def _write_line(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
