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
from cli.error_text import print_error
from cli.given_mask import mask_options, with_given_mask
from cli.input_scans import InputScan, listing_choices
from cli.job_failed import JobFailed
from cli.mask_targets import MaskTarget, check_no_overwrite, mask_targets
from cli.precision_option import precision_option
from cli.progress_bar import progress_bar
from cli.report import write_report
from cli.segment_options import (
    format_option,
    model_option,
    priority_option,
    resample_option,
    server_option,
    tile_option,
)
from cli.segmenters import Segmenter, segmenter_of
from cli.subject_run import SubjectRun
from cli.subjects import each_of, grids_of, subjects_of
from imaging.counted import counted
from imaging.errors import BadInput, BadRequest
from imaging.formats import registry
from imaging.formats.incoming import ScanSelection
from imaging.given_mask import MaskUse
from inference.options import RunOptions

_PATH = click.Path(path_type=Path)
_REPORTS = ", ".join(f"{one.title} ({one.endings[-1]})" for one in registry.REPORT_FORMATS)


@click.command("segment")
@click.argument("scans", nargs=-1, type=_PATH)
@model_option
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
@tile_option
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
@resample_option
@precision_option
@mask_options
@format_option("from the ending of --out")
@bids_option
@click.option(
    "--report", type=_PATH, help=f"Also write the report to this file, by its ending: {_REPORTS}."
)
@click.option("--preview", type=_PATH, help="Also write a preview image (PNG) to this file.")
@server_option
@priority_option(5)
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
    here = click.get_current_context()
    segmenter = here.with_resource(segmenter_of(model, options, server, priority))
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
    run = _Run(SubjectRun(segmenter, selection, derivative), report, preview)
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
    """Segments the subjects of one command, one after the other."""

    run: SubjectRun
    report: Path | None
    preview: Path | None

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
                print_error(error, grid.path.name)
        if failed:
            raise BadInput(
                f"{len(failed)} of {counted(len(subjects), 'scan')} could not be segmented: "
                f"{', '.join(failed)}."
            )

    def _segment(self, subject: dict[str, InputScan], grid: InputScan, target: MaskTarget) -> None:
        """Segments one subject, writes its outputs and prints the summary."""
        with tempfile.TemporaryDirectory(prefix="tessera-") as temporary:
            shown = progress_bar(grid.path.name)
            with listing_choices():
                mask = self.run.segment(subject, grid, target, Path(temporary), shown)
            if self.report:
                describe = self.run.segmenter.mask_description
                write_report(self.report, mask.outcome, mask.scan, describe)
            if self.preview:
                self.preview.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(mask.outcome.preview, self.preview)
        _print_summary(mask.path, mask.outcome.report)


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
    doubts = [doubt["text"] for doubt in report.get("doubts", ())]  # an older server states none
    if doubts:
        console.print("[bold red]This mask may be wrong:[/]")
    for doubt in doubts:
        console.print(f"[red]-[/] {doubt}")
    for warning in report["warnings"]:
        if warning not in doubts:
            console.print(f"[yellow]Note:[/] {warning}")
    for sentence in report.get("uncompared", ()):
        console.print(f"[yellow]Note:[/] {sentence}")
    click.echo(path)
