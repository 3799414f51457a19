"""`tessera evaluate`"""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from cli.case_evaluator import CaseEvaluator
from cli.cases import paired_cases, unpaired_images
from cli.device_option import device_option
from cli.finite_range import FiniteRange
from cli.model_registry import registry
from cli.precision_option import BOTH, precision_or_both_option
from cli.summary import show, show_scores
from cli.value_map import ValueMap, ValueMapType
from imaging.counted import counted
from imaging.errors import BadRequest
from imaging.scan import Scan
from inference.evaluation.case_metrics import MetricOptions
from inference.evaluation.tables import as_json, to_csv
from inference.options import UNCHECKED, RunOptions
from models.any_card import AnyCard

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_LIST = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("evaluate")
@click.option("--model", "name", required=True, help="Name of a model that `tessera models` lists.")
@click.option("--images", required=True, type=_FOLDER, help="Folder of the scans.")
@click.option(
    "--labels",
    required=True,
    type=_FOLDER,
    help="Folder of the reference masks, with the same names as the scans except for the ending.",
)
@click.option(
    "--cases", type=_LIST, help="Text file with one case name per line; evaluate only these."
)
@click.option(
    "--json",
    "json_file",
    type=_FILE,
    help="Write means, intervals and every case to this JSON file.",
)
@click.option(
    "--csv", "csv_file", type=_FILE, help="Write a CSV table with one row per case and label."
)
@click.option(
    "--plot", type=_FILE, help="Write a PNG image of the best, the median and the worst case."
)
@click.option(
    "--tolerance",
    type=FiniteRange(min=0),
    default=1.0,
    show_default=True,
    help="Tolerance of the surface Dice in mm, or in pixels for images without spacing.",
)
@click.option(
    "--map",
    "maps",
    type=ValueMapType(),
    multiple=True,
    help="Label numbers that values of the reference masks mean, such as 255=1. Other values are "
    "label numbers already.",
)
@click.option(
    "--membrane",
    metavar="LABEL",
    help="Name or value of the label that separates cells in 2D images; adds membrane scores.",
)
@device_option
@precision_or_both_option
def command(
    name: str,
    images: Path,
    labels: Path,
    cases: Path | None,
    json_file: Path | None,
    csv_file: Path | None,
    plot: Path | None,
    tolerance: float,
    maps: Sequence[ValueMap],
    membrane: str | None,
    device: str,
    precision: str,
) -> None:
    """Compare a model's masks with reference masks.

    Prints the scores of each label, with 95 % confidence intervals over the cases. The plot shows
    masks in fp32 if both precisions are evaluated.
    """
    if plot:
        _require("matplotlib", "--plot")
    model, paired = registry().get(name), paired_cases(images, labels, cases)
    console = Console(stderr=True)
    if cases is None and (unpaired := unpaired_images(images, paired)):
        one, many = "image has no reference mask and is", "images have no reference mask and are"
        console.print(f"[yellow]Note:[/] {counted(unpaired, one, many)} skipped.")
    rules = _rules(model.card, [case.open()[0] for case in paired], tolerance, membrane)
    evaluator = CaseEvaluator(model, rules, maps)
    chosen = ("fp32", UNCHECKED) if precision == BOTH else (precision,)
    options = [RunOptions(device, each) for each in chosen]
    evaluator.check_precisions(options)
    evaluations = [
        evaluator.evaluate(track(paired, "cases", console=console, transient=True), each)
        for each in options
    ]
    for evaluation in evaluations:
        show(evaluation, rules)
    if len(evaluations) > 1:
        show_scores(model.card, evaluations)
    if json_file:
        _write(json_file, json.dumps(as_json(model.card, rules, evaluations), indent=2) + "\n")
    if csv_file:
        _write(csv_file, to_csv(rules, evaluations))
    if plot:
        evaluator.plot(paired, evaluations[0].cases, options[0], plot)


def _rules(
    card: AnyCard, scans: Sequence[Scan], tolerance: float, membrane: str | None
) -> MetricOptions:
    """The same units for all cases: pixels if any image has no spacing."""
    spaced = all(scan.spacing_mm is not None for scan in scans)
    distance = "mm" if spaced or card.dimension == 3 else "px"
    size = "ml" if card.dimension == 3 else "mm2" if spaced else "px"
    return MetricOptions(tolerance, distance, size, _membrane(card, membrane) if membrane else None)


def _membrane(card: AnyCard, wanted: str) -> int:
    """The value of the label with this name or value; raises BadRequest."""
    if card.dimension != 2 or card.instances is not None:
        raise BadRequest(
            "--membrane does not apply to this model.",
            expected="A 2D model whose masks contain labels, not numbered objects.",
            hint="Omit --membrane.",
        )
    for label in card.labels:
        if wanted in (label.name, str(label.value)):
            _require("skimage", "--membrane")
            return label.value
    raise BadRequest(
        f"The model has no label {wanted}.",
        expected=f"One of {', '.join(label.name for label in card.labels)}.",
        hint="Change --membrane.",
    )


def _require(package: str, option: str) -> None:
    if find_spec(package) is None:
        raise BadRequest(
            f"{option} needs {package}, which is not installed.",
            expected="The packages of the extra `evaluate`.",
            hint="Install it from Tessera's source folder with: pip install '.[evaluate]'",
        )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
