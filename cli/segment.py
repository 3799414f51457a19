"""`tessera segment`"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.client import JobFailed
from cli.device_option import device_option
from cli.makers import Here, Maker, OnTile, There
from cli.report import write_report
from cli.scans import Given, given
from cli.targets import Target, protect, targets
from imaging.errors import BadInput, BadRequest
from imaging.formats.incoming import ScanSelection
from imaging.formats.mask_file import DICOM, ENDINGS, SUFFIXES, deliver, ending
from inference.options import PRECISIONS, RunOptions


class TileSize(click.ParamType):  # type: ignore[type-arg]
    """`128` or `128,128,64`."""

    name = "N[,N,N]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail("give one whole number, or one per axis, as 128 or 128,128,64", param, ctx)
        if min(numbers) < 1:
            self.fail("every number must be 1 or more", param, ctx)
        return numbers


_PATH = click.Path(path_type=Path)


@click.command("segment")
@click.argument("scans", nargs=-1, type=_PATH)
@click.option("--model", required=True, help="A name that `tessera models` lists.")
@click.option("-o", "--out", required=True, type=_PATH, help="A file, or a folder for several.")
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME=SCAN",
    help="Several contrasts of one subject, instead of SCANS.",
)
@click.option(
    "--tile", type=TileSize(), help="At most this per axis, rounded down to a legal size."
)
@device_option
@click.option("--series", metavar="UID", help="Of several DICOM series, the one that is meant.")
@click.option("--stack", type=click.IntRange(1), help="Of several volumes in a series, from 1.")
@click.option(
    "--resample", is_flag=True, help="Resample tilted or uneven DICOM slices instead of refusing."
)
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
@click.option("--format", "form", type=click.Choice(list(SUFFIXES)), help="Of the mask.")
@click.option(
    "--report", type=_PATH, help="Write the report here: JSON, or as .csv or .dcm (DICOM SR)."
)
@click.option("--preview", type=_PATH, help="Write the preview picture (PNG) here.")
@click.option("--server", metavar="URL", help="Segment there instead of here.")
@click.option("--priority", type=click.IntRange(0, 9), default=5, help="On a server; 9 first.")
def command(
    scans: tuple[Path, ...],
    model: str,
    out: Path,
    channels: tuple[str, ...],
    tile: tuple[int, ...] | None,
    device: str,
    precision: str,
    form: str | None,
    report: Path | None,
    preview: Path | None,
    server: str | None,
    priority: int,
    series: str | None,
    stack: int | None,
    resample: bool,
) -> None:
    """Segment SCANS with a model. A mask's voxels are label numbers, on its scan's own grid.

    A scan is a file, or the folder, zip, tar or single files of a DICOM series.
    """
    asked = ScanSelection(series, stack, resample=resample)
    options = RunOptions(device, precision, tile)
    maker = _maker(model, options, server, priority)
    subjects = _subjects(scans, channels)
    if (report or preview) and len(subjects) > 1:
        raise BadRequest("--report and --preview are for one scan; several were given.")
    grids = _grids(subjects, maker)
    places = targets([scan.shown for scan in grids], out, form)
    inputs = [path for subject in subjects for scan in subject.values() for path in scan.files]
    protect(inputs, places, [path for path in (report, preview) if path])
    failed = []
    for subject, scan, target in zip(subjects, grids, places, strict=True):
        try:
            _one(maker, subject, scan, target, report, preview, asked)
        except (BadInput, JobFailed) as error:  # the others may well be sound
            if len(subjects) == 1:
                raise
            failed.append(scan.shown.name)
            click.echo(f"Error: {scan.shown.name}: {error}", err=True)
    if failed:
        raise BadInput(f"{len(failed)} of {len(subjects)} scans gave no mask: {', '.join(failed)}.")


def _one(
    maker: Maker, subject: dict[str, Given], grid: Given, target: Target,
    report: Path | None, preview: Path | None, asked: ScanSelection,
) -> None:  # fmt: skip
    """One mask, from scan to summary."""
    with tempfile.TemporaryDirectory(prefix="tessera-") as temporary:
        folder = Path(temporary)
        opened = {n: one.opened(folder / f"{n}-in", asked) for n, one in subject.items()}
        scan = next(opened[name] for name, one in subject.items() if one is grid)
        with _bar(grid.shown.name) as on_tile:
            made = maker.make(opened, folder / "out", on_tile)
        path = target.path(made.mask_format)
        description = maker.mask_description() if ENDINGS[str(ending(path.name))] in DICOM else None
        deliver(made.mask, scan, path, description)
        if report:
            write_report(report, made, scan, maker.mask_description)
        if preview:
            preview.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made.preview, preview)
    _summary(path, made.report)


def _subjects(scans: tuple[Path, ...], channels: tuple[str, ...]) -> list[dict[str, Given]]:
    """Channel -> scan for each mask; a scan without a name stands under ''."""
    if bool(scans) == bool(channels):
        raise BadRequest("Give either scans, or a scan for each channel with --channel NAME=SCAN.")
    if channels:
        pairs = [pair.partition("=") for pair in channels]
        if any(not path for _, _, path in pairs):
            raise BadRequest("--channel wants NAME=SCAN.")
        names = [name for name, _, _ in pairs]
        if not all(names) or len(set(names)) < len(names):
            raise BadRequest("Each --channel needs a name of its own.", hint="Give each once.")
        return [{name: given([Path(path)])[0] for name, _, path in pairs}]
    return [{"": scan} for scan in given(scans)]


def _maker(model: str, options: RunOptions, server: str | None, priority: int) -> Maker:
    return There(server, model, options, priority) if server else Here(model, options)


def _grids(subjects: list[dict[str, Given]], maker: Maker) -> list[Given]:
    """The scan of each subject on whose grid the mask lies: the model's first channel's."""
    if all(len(subject) == 1 for subject in subjects):
        return [scan for subject in subjects for scan in subject.values()]
    first = maker.channels()[0]
    # Without that channel the model refuses the subject, whatever is taken here.
    return [subject.get(first, next(iter(subject.values()))) for subject in subjects]


@contextmanager
def _bar(name: str) -> Iterator[OnTile]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _summary(path: Path, report: dict[str, Any]) -> None:
    """What was found, on stderr; the mask's path, on stdout."""
    console = Console(stderr=True)
    table = Table("label", box=None, header_style="bold")
    table.add_column("voxels", justify="right")
    table.add_column("size", justify="right")
    measurements = report["measurements"]
    for row in measurements.get("labels") or []:
        ml = row.get("volume_ml")
        size = f"{ml:.3f} ml" if ml is not None else f"{row['voxels']:,} px"
        table.add_row(row["name"], f"{row['voxels']:,}", size)
    if measurements.get("instances"):
        table.add_row("objects", f"{measurements['instances']['count']:,}", "")
    console.print(table)
    for warning in report["warnings"]:
        console.print(f"[yellow]Note:[/] {warning}")
    click.echo(path)
