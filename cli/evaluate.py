"""`tessera evaluate`"""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from cli.case_evaluator import CaseEvaluator
from cli.cases import left_out, pairs
from cli.device_option import device_option
from cli.models import registry
from cli.summary import show
from cli.value_map import ValueMap, ValueMapType
from imaging.errors import BadRequest
from imaging.scan import Scan
from inference.evaluation.figures import Rules
from inference.evaluation.summary import summarise
from inference.evaluation.tables import as_json, to_csv
from inference.options import PRECISIONS, RunOptions
from models.card import ModelCard

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_LIST = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("evaluate")
@click.option("--model", "name", required=True, help="A name that `tessera models` lists.")
@click.option("--images", required=True, type=_FOLDER)
@click.option("--labels", required=True, type=_FOLDER, help="Reference masks, named as the images.")
@click.option("--cases", type=_LIST, help="A file with one case name a line: these alone.")
@click.option("--json", "as_file", type=_FILE, help="Means, intervals and every case.")
@click.option("--csv", "table", type=_FILE, help="A row per case and label.")
@click.option("--plot", type=_FILE, help="A PNG of the best, the median and the worst case.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Of the surface Dice: mm, or pixels of pictures without spacing.",
)
@click.option(
    "--map",
    "maps",
    type=ValueMapType(),
    multiple=True,
    help="What values of the reference files mean; others are labels as they are.",
)
@click.option("--membrane", help="The label of pictures that is a boundary between cells.")
@device_option
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
def command(
    name: str,
    images: Path,
    labels: Path,
    cases: Path | None,
    as_file: Path | None,
    table: Path | None,
    plot: Path | None,
    tolerance: float,
    maps: Sequence[ValueMap],
    membrane: str | None,
    device: str,
    precision: str,
) -> None:
    """How good a model is on labelled scans: figures per label, with 95 % intervals over cases."""
    if plot:
        _needs("matplotlib", "--plot")
    model, found = registry().get(name), pairs(images, labels, cases)
    console = Console(stderr=True)
    if cases is None and (lone := left_out(images, found)):
        console.print(f"[yellow]Note:[/] {lone} images have no reference and are left out.")
    rules = _rules(model.card, [case.open()[0] for case in found], tolerance, membrane)
    evaluator = CaseEvaluator(model, RunOptions(device, precision), rules, maps)
    figures = [
        evaluator.measure(case) for case in track(found, "cases", console=console, transient=True)
    ]
    summary = summarise(figures)
    show(summary, rules)
    if as_file:
        _write(as_file, json.dumps(as_json(model.card, rules, summary, figures), indent=2) + "\n")
    if table:
        _write(table, to_csv(rules, figures))
    if plot:
        evaluator.plot(found, figures, plot)


def _rules(card: ModelCard, scans: Sequence[Scan], tolerance: float, membrane: str | None) -> Rules:
    """One unit for all cases: pixels, as soon as one of the pictures bears no spacing."""
    spaced = all(scan.spacing_mm is not None for scan in scans)
    distance = "mm" if spaced or card.dimension == 3 else "px"
    size = "ml" if card.dimension == 3 else "mm2" if spaced else "px"
    return Rules(tolerance, distance, size, _membrane(card, membrane) if membrane else None)


def _membrane(card: ModelCard, wanted: str) -> int:
    """The value of the label of that name or value."""
    if card.dimension != 2 or card.instances is not None:
        raise BadRequest(
            "--membrane is for pictures whose mask bears labels.",
            expected="A 2D model that does not number objects.",
            hint="Leave it out.",
        )
    for label in card.labels:
        if wanted in (label.name, str(label.value)):
            _needs("skimage", "--membrane")
            return label.value
    raise BadRequest(
        "--membrane names no label of the model.",
        expected=f"One of: {', '.join(label.name for label in card.labels)}.",
        hint="See `tessera models show NAME`.",
    )


def _needs(package: str, option: str) -> None:
    if find_spec(package) is None:
        raise BadRequest(
            f"{option} needs {package}, which is not installed.",
            hint="Install it with: pip install 'tessera-seg[evaluate]'",
        )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
