"""`tessera evaluate`"""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cli.cases import Case, MapType, ValueMap, pairs, reference_mask
from cli.models import registry
from imaging.errors import BadRequest
from imaging.scan import Scan
from inference.brake import Brake
from inference.engine import Engine
from inference.evaluation.figures import FIGURES, CaseFigures, Rules, measure
from inference.evaluation.summary import Mean, Summary, summarise
from inference.evaluation.tables import as_json, to_csv
from inference.options import DEVICES, PRECISIONS, RunOptions
from models.card import ModelCard
from models.registry import Model

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
    type=MapType(),
    multiple=True,
    help="What values of the reference files mean; others are labels as they are.",
)
@click.option("--membrane", help="The label of pictures that is a boundary between cells.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
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
    rules = _rules(model.card, [case.open()[0] for case in found], tolerance, membrane)
    evaluation = _Evaluation(model, RunOptions(device, precision), rules, maps)
    figures = [
        evaluation.measure(case)
        for case in track(found, "cases", console=Console(stderr=True), transient=True)
    ]
    summary = summarise(figures)
    _show(summary, rules)
    if as_file:
        _write(as_file, json.dumps(as_json(model.card, rules, summary, figures), indent=2) + "\n")
    if table:
        _write(table, to_csv(rules, figures))
    if plot:
        evaluation.plot(found, figures, plot)


class _Evaluation:
    """One model under the same rules for every case."""

    def __init__(
        self, model: Model, options: RunOptions, rules: Rules, maps: Sequence[ValueMap]
    ) -> None:
        self._model, self._options, self._rules, self._maps = model, options, rules, maps
        self._engine = Engine(registry())

    def measure(self, case: Case) -> CaseFigures:
        with case.named():
            scan, found, reference = self._masks(case)
            return measure(case.name, scan, found, reference, self._model.card, self._rules)

    def plot(self, cases: Sequence[Case], figures: Sequence[CaseFigures], path: Path) -> None:
        """Segments the cases to be shown once more, rather than keep every mask until now."""
        from inference.evaluation.plot import Shown, draw

        by_name = {case.name: case for case in cases}
        shown = []
        for rank, row in _ranks(figures).items():
            scan, found, reference = self._masks(by_name[row.case])
            title = f"{rank}: Dice {row.dice:.3f}"
            shown.append(Shown(title, row.case, scan, found, reference))
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(shown, path)

    def _masks(self, case: Case) -> tuple[Scan, NDArray[Any], NDArray[Any]]:
        """The scan, the mask that is found and the reference."""
        card = self._model.card
        scan, reference = case.open()
        known = set() if card.instances else {label.value for label in card.labels}
        truth = reference_mask(reference, self._maps, known)
        scans = {card.channels[0].name: scan}
        result, _ = self._engine.run(scans, self._model, self._options, _quiet, Brake())
        return scan, result.mask, truth


def _quiet(_done: int, _all: int) -> None:
    pass


def _ranks(figures: Sequence[CaseFigures]) -> Mapping[str, CaseFigures]:
    """The best, the median and the worst case, by mean Dice; each once, where there are fewer."""
    order = sorted(figures, key=lambda row: row.dice, reverse=True)
    ranks = {"best": 0, "median": (len(order) - 1) // 2, "worst": len(order) - 1}
    first = {place: rank for rank, place in reversed(ranks.items())}
    return {rank: order[place] for rank, place in ranks.items() if first[place] == rank}


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
            todo="Leave it out.",
        )
    for label in card.labels:
        if wanted in (label.name, str(label.value)):
            _needs("skimage", "--membrane")
            return label.value
    raise BadRequest(
        "--membrane names no label of the model.",
        expected=f"One of: {', '.join(label.name for label in card.labels)}.",
        todo="See `tessera models show NAME`.",
    )


def _needs(package: str, option: str) -> None:
    if find_spec(package) is None:
        raise BadRequest(
            f"{option} needs {package}, which is not installed.",
            todo="Install it with: pip install 'tessera-seg[evaluate]'",
        )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _show(summary: Summary, rules: Rules) -> None:
    table = Table(box=None, header_style="bold", title=f"{summary.cases} cases")
    for head in ("label", "figure"):
        table.add_column(head)
    for head in ("mean", "95 % interval", "cases"):
        table.add_column(head, justify="right")
    for name, label in summary.labels.items():
        first = name
        for figure in FIGURES:
            if figure.printed and figure.name in label.means:
                cells = _cells(label.means[figure.name], rules.decimals(figure))
                table.add_row(first, rules.title(figure), *cells)
                first = ""
        table.add_row("", "missed", str(label.missed))
        table.add_row("", "spurious", str(label.spurious))
    if len(summary.labels) > 1:
        table.add_row("all labels", "Dice", *_cells(summary.dice, 3))
    Console().print(table)


def _cells(mean: Mean, decimals: int) -> tuple[str, str, str]:
    interval = "-"
    if mean.low is not None and mean.high is not None:
        interval = f"{mean.low:z.{decimals}f} to {mean.high:z.{decimals}f}"
    return f"{mean.mean:z.{decimals}f}", interval, str(mean.cases)
