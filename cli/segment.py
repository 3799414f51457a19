"""`tessera segment`"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.bids.derivative import BidsDerivative
from cli.bids.option import bids_option, bids_subjects, check_options
from cli.device_option import device_option
from cli.given_mask import mask_options, with_given_mask
from cli.input_scans import InputScan
from cli.job_failed import JobFailed
from cli.mask_targets import MaskTarget, check_no_overwrite, mask_targets
from cli.precision_option import precision_option
from cli.progress_bar import progress_bar
from cli.report import write_report
from cli.segmenters import LocalSegmenter, RemoteSegmenter, Segmenter
from cli.subjects import each_of, grids_of, subjects_of
from cli.tile_size import TileSize
from imaging.errors import BadInput, BadRequest
from imaging.formats import registry
from imaging.formats.incoming import ScanSelection
from imaging.formats.mask_file import deliver
from imaging.given_mask import GIVEN_MASK, MaskUse
from inference.options import RunOptions

_PATH = click.Path(path_type=Path)
_REPORTS = ", ".join(f"{one.title} ({one.endings[-1]})" for one in registry.REPORT_FORMATS)


@click.command("segment")
@click.argument("scans", nargs=-1, type=_PATH)
@click.option("--model", required=True, help="Name of a model that `tessera models` lists.")
@click.option(
    "-o",
    "--out",
    required=True,
    type=_PATH,
    help="Where to write the mask: a file, or a folder if there are several scans.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME=SCAN",
    help="The scan of one channel, for a model with several channels; instead of SCANS. SCAN#N is "
    "part N (time point, channel, page) of a file that holds several scans.",
)
@click.option(
    "--tile",
    type=TileSize(),
    help="Largest tile, in voxels per axis; rounded down to a size that the model allows.",
)
@device_option
@click.option(
    "--series", metavar="UID", help="SeriesInstanceUID, to choose one of several DICOM series."
)
@click.option(
    "--stack",
    type=click.IntRange(1),
    help="Number of the volume, from 1, if a DICOM series holds several.",
)
@click.option(
    "--volume",
    type=click.IntRange(1),
    help="Number of the time point, frame, component or page, from 1, if a file holds several.",
)
@click.option(
    "--each",
    is_flag=True,
    help="Segment every scan of a file, archive or folder that holds several, except localizers "
    "(unless there is nothing else). The masks are numbered in the order in which the scans are "
    "listed without this option.",
)
@click.option(
    "--resample",
    is_flag=True,
    help="Resample DICOM slices that are tilted, missing or unevenly spaced, instead of refusing "
    "them.",
)
@precision_option
@mask_options
@click.option(
    "--format",
    "mask_format",
    type=click.Choice(registry.names(registry.MASK_FORMATS)),
    help="Format of the mask; by default, from the ending of --out.",
)
@bids_option
@click.option(
    "--report", type=_PATH, help=f"Also write the report to this file, by its ending: {_REPORTS}."
)
@click.option("--preview", type=_PATH, help="Also write a preview image (PNG) to this file.")
@click.option("--server", metavar="URL", help="Segment on this Tessera server instead of here.")
@click.option(
    "--priority",
    type=click.IntRange(0, 9),
    default=5,
    show_default=True,
    help="Priority in the server's queue; 9 is the highest.",
)
def command(
    scans: tuple[Path, ...],
    model: str,
    out: Path,
    channels: tuple[str, ...],
    tile: tuple[int, ...] | None,
    device: str,
    precision: str,
    mask_format: str | None,
    report: Path | None,
    preview: Path | None,
    server: str | None,
    priority: int,
    series: str | None,
    stack: int | None,
    volume: int | None,
    each: bool,
    resample: bool,
    mask: Path | None,
    mask_use: MaskUse,
    margin_mm: float,
    bids: bool,
) -> None:
    """Segment SCANS with a model.

    A scan is a file, or a DICOM series as a folder, a zip, a tar or its single files. The voxels of
    a mask are label numbers, on the grid of its scan.
    """
    use = None if mask is None else mask_use
    options = RunOptions(device, precision, tile, use, margin_mm)
    segmenter = _segmenter(model, options, server, priority)
    selection = ScanSelection(series, stack, volume, resample=resample)
    subjects, derivative = _subjects(scans, channels, segmenter, out, mask_format, bids=bids)
    if each:
        subjects = each_of(subjects, selection, bids=bids)
    subjects = with_given_mask(subjects, mask)
    if (report or preview) and len(subjects) > 1:
        raise BadRequest(
            f"--report and --preview are for one scan, but there are {len(subjects)}.",
            expected="One scan.",
            hint="Omit these options, or segment the scans one by one.",
        )
    grids = grids_of(subjects, segmenter)
    if derivative is None:
        targets = mask_targets([scan.path for scan in grids], out, mask_format)
    else:
        targets = derivative.targets(grids, subjects)
    inputs = [path for subject in subjects for scan in subject.values() for path in scan.files]
    check_no_overwrite(inputs, targets, [path for path in (report, preview) if path])
    run = _Run(segmenter, selection, report, preview, derivative)
    run.segment_all(list(zip(subjects, grids, targets, strict=True)))


def _subjects(
    scans: tuple[Path, ...], channels: tuple[str, ...], segmenter: Segmenter, out: Path,
    mask_format: str | None, *, bids: bool,
) -> tuple[list[dict[str, InputScan]], BidsDerivative | None]:  # fmt: skip
    """The scans of each subject by channel, and the BIDS data set that the masks go to, if any."""
    if not bids:
        return subjects_of(scans, channels), None
    check_options(mask_format)
    derivative, subjects = bids_subjects(scans, channels, segmenter, out)
    return subjects, derivative


@dataclass(frozen=True, slots=True)
class _Run:
    """What all subjects of one command have in common."""

    segmenter: Segmenter
    selection: ScanSelection
    report: Path | None
    preview: Path | None
    derivative: BidsDerivative | None

    def segment_all(
        self, subjects: Sequence[tuple[dict[str, InputScan], InputScan, MaskTarget]]
    ) -> None:
        """Segments each subject, given with its grid and target; raises BadInput if one fails.

        The error of one of several subjects is printed, and the others go on.
        """
        failed = []
        for subject, grid, target in subjects:
            try:
                self._segment(subject, grid, target)
            except (BadInput, JobFailed) as error:
                if len(subjects) == 1:
                    raise
                failed.append(grid.path.name)
                click.echo(f"Error: {grid.path.name}: {error}", err=True)
        if failed:
            raise BadInput(
                f"{len(failed)} of {len(subjects)} scans could not be segmented: "
                f"{', '.join(failed)}."
            )

    def _segment(self, subject: dict[str, InputScan], grid: InputScan, target: MaskTarget) -> None:
        """Segments one subject, writes its outputs and prints the summary."""
        with tempfile.TemporaryDirectory(prefix="tessera-") as temporary:
            folder = Path(temporary)
            opened = {
                name: one.prepare(folder / f"{name}-in", _selection_of(name, self.selection))
                for name, one in subject.items()
            }
            scan = next(opened[name] for name, one in subject.items() if one is grid)
            with progress_bar(grid.path.name) as context:
                outcome = self.segmenter.segment(opened, folder / "out", context)
            path = target.path(outcome.mask_format)
            written = target.format_of(outcome.mask_format)
            needs_description = written is not None and written.needs_description
            description = self.segmenter.mask_description() if needs_description else None
            if self.derivative is not None:
                self.derivative.write_side_files(path, subject, outcome.report)
            deliver(outcome.mask, scan, path, description, written)
            if self.report:
                write_report(self.report, outcome, scan, self.segmenter.mask_description)
            if self.preview:
                self.preview.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(outcome.preview, self.preview)
        _print_summary(path, outcome.report)


def _selection_of(name: str, selection: ScanSelection) -> ScanSelection:
    """The choice of a series or volume is for scans, not for the given mask."""
    return ScanSelection() if name == GIVEN_MASK else selection


def _segmenter(model: str, options: RunOptions, server: str | None, priority: int) -> Segmenter:
    if server:
        return RemoteSegmenter(server, model, options, priority)
    return LocalSegmenter(model, options)


def _print_summary(path: Path, report: dict[str, Any]) -> None:
    """Prints the measurements and warnings to stderr, and the mask's path to stdout."""
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
