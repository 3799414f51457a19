"""`tessera evaluate`"""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cli.models import registry
from cli.targets import stem
from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.metrics import dice, hd95
from inference.brake import Brake
from inference.engine import Engine
from inference.options import DEVICES, PRECISIONS, RunOptions
from models.card import ModelCard
from models.registry import Model

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("evaluate")
@click.option("--model", "name", required=True, help="A name that `tessera models` lists.")
@click.option("--images", required=True, type=_FOLDER)
@click.option("--labels", required=True, type=_FOLDER, help="Reference masks, named as the images.")
@click.option(
    "--cases",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with one case name a line; only these are looked at.",
)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
def command(
    name: str,
    images: Path,
    labels: Path,
    cases: Path | None,
    out: Path | None,
    device: str,
    precision: str,
) -> None:
    """Dice and HD95 of a model, per label and case. Distances are in mm, or pixels of a picture."""
    model, engine = registry().get(name), Engine(registry())
    options = RunOptions(device, precision)
    pairs = _pairs(images, labels, set(cases.read_text().split()) if cases else None)
    rows = [
        {"case": case, **_measure(engine, model, options, image, label)}
        for case, (image, label) in track(pairs.items(), "cases", console=Console(stderr=True))
    ]
    means = _means(rows, model.card)
    _show(means, len(rows))
    if out:
        told = {"model": name, "sha256": model.card.sha256, "mean": means, "cases": rows}
        out.write_text(json.dumps(told, indent=2) + "\n")


def _pairs(images: Path, labels: Path, only: set[str] | None) -> dict[str, tuple[Path, Path]]:
    """Case name -> image and reference; raises BadRequest where there is none."""
    references = {stem(path): path for path in labels.iterdir() if path.is_file()}
    pairs = {
        stem(path): (path, references[stem(path)])
        for path in sorted(images.iterdir())
        if stem(path) in references and (only is None or stem(path) in only)
    }
    if not pairs:
        raise BadRequest(
            "No image has a reference mask of the same name.",
            expected="Two folders whose files bear the same names, but for their endings.",
            todo="Check --images, --labels and --cases.",
        )
    return pairs


def _measure(
    engine: Engine, model: Model, options: RunOptions, image: Path, label: Path
) -> dict[str, Any]:
    """Label name -> its figures."""
    scan, reference = open_scan(image), open_scan(label)
    if reference.grid != scan.grid:
        raise BadRequest(
            f"A reference mask has the shape {reference.grid}, its image {scan.grid}.",
            todo="Give masks on their images' own grids.",
        )
    channel = model.card.channels[0].name
    result, _ = engine.run({channel: scan}, model, options, lambda _d, _a: None, Brake())
    truth = reference.read(Box.whole(reference.grid))[0]
    spacing = scan.spacing_mm or (1.0,) * scan.dimension
    figures = {}
    for item in model.card.labels:
        if model.card.instances is not None:  # numbered objects, here and there
            pair = result.mask > 0, truth > 0
        else:
            pair = result.mask == item.value, np.asarray(truth == item.value)
        distance = hd95(*pair, spacing)
        finite = distance if np.isfinite(distance) else None
        figures[item.name] = {"dice": dice(*pair), "hd95_mm": finite}
    return {"labels": figures}


def _means(rows: list[dict[str, Any]], card: ModelCard) -> dict[str, dict[str, Any]]:
    """Where one mask is empty there is no HD95; such cases are counted, not averaged."""
    means = {}
    for item in card.labels:
        figures = [row["labels"][item.name] for row in rows]
        finite = [f["hd95_mm"] for f in figures if f["hd95_mm"] is not None]
        means[item.name] = {
            "dice": fmean(f["dice"] for f in figures),
            "hd95_mm": fmean(finite) if finite else None,
            "missed": len(figures) - len(finite),
        }
    return means


def _show(means: dict[str, dict[str, Any]], cases: int) -> None:
    table = Table("label", "Dice", "HD95 mm", "missed", title=f"{cases} cases", box=None)
    for name, row in means.items():
        distance = "-" if row["hd95_mm"] is None else f"{row['hd95_mm']:.2f}"
        table.add_row(name, f"{row['dice']:.4f}", distance, str(row["missed"]))
    Console().print(table)
