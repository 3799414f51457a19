"""`tessera batch`"""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click

from cli.batch.journal import Journal
from cli.batch.plan import Rules, plan, settings_of
from cli.batch.results import Results, columns_of
from cli.batch.run import JOURNAL, LOCK, Batch
from cli.batch.source import entries_of, matching, targets_of
from cli.bids.option import check_options
from cli.device_option import device_option
from cli.folder_lock import locked_folder
from cli.precision_option import precision_option
from cli.segment_options import (
    format_option,
    model_option,
    priority_option,
    resample_option,
    server_option,
    tile_option,
)
from cli.segmenters import segmenter_of
from cli.subject_run import SubjectRun
from imaging.errors import Conflict
from imaging.formats.incoming import ScanSelection
from inference.options import RunOptions
from jobs.signal_handlers import handling_signals

_HERE, _ON_SERVER = 2, 16
"""Scans at once: here, one is read or written while the network runs on the other."""
_END_S = 20.0
"""Time for the running tiles to end after Ctrl-C."""
_PATH = click.Path(path_type=Path)


@click.command("batch")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@model_option
@click.option(
    "-o",
    "--out",
    required=True,
    type=_PATH,
    help="Folder of the masks and of the table of results.",
)
@click.option(
    "--only",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Segment only scans whose id matches, such as '*_T1w.nii.gz'. The id is the path in the "
    "folder, or that of the table. May be given several times.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME=COLUMN",
    help="Column of a table, or suffix of a BIDS data set (t1=T1w), that a channel of the model "
    "takes.",
)
@click.option(
    "--bids/--no-bids",
    default=None,
    help="Whether SOURCE is a BIDS data set, whose masks become a derivative data set in --out. By "
    "default, it is one if it has a dataset_description.json.",
)
@tile_option
@device_option
@precision_option
@resample_option
@format_option("NIfTI for volumes, PNG or OME-TIFF for images")
@click.option(
    "--at-once",
    type=click.IntRange(1, 64),
    help=f"Number of scans that are worked on at the same time.  [default: {_HERE}; with --server: "
    f"{_ON_SERVER}]",
)
@click.option(
    "--retry-failed", is_flag=True, help="Also segment scans again that have failed before."
)
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="Segment scans again whose masks in --out are of another model, another version of it or "
    "other options.",
)
@server_option
@priority_option(3)
def command(
    source: Path,
    model: str,
    out: Path,
    patterns: tuple[str, ...],
    channels: tuple[str, ...],
    bids: bool | None,
    tile: tuple[int, ...] | None,
    device: str,
    precision: str,
    resample: bool,
    mask_format: str | None,
    at_once: int | None,
    retry_failed: bool,
    replaces: bool,
    server: str | None,
    priority: int,
) -> int:
    """Segment all scans of SOURCE into masks and a table of results.

    SOURCE is a folder, a table in CSV, or a BIDS data set. Run the same command again after an
    interruption: scans that are done and unchanged are not segmented again.

    The exit status is 3 if some scans have failed.
    """
    options = RunOptions(device, precision, tile)
    here = click.get_current_context()
    segmenter = here.with_resource(segmenter_of(model, options, server, priority))
    entries, derivative = entries_of(source, segmenter, out, channels, bids)
    entries = matching(entries, patterns)
    if derivative is not None:
        check_options(mask_format)
    card = segmenter.card()
    kept = {"precision": precision, "resample": resample, "format": mask_format}
    settings = settings_of(card, **kept, bids=derivative is not None)
    columns = columns_of(entries, card)
    with _opened(out) as (journal, scratch):
        targets = targets_of(entries, out, mask_format, derivative)
        todo = plan(entries, targets, journal, out, Rules(settings, retry_failed, replaces))
        batch = Batch(
            SubjectRun(segmenter, ScanSelection(resample=resample), derivative),
            Results(entries, columns, journal),
            out,
            scratch,
            settings,
            f"{journal.batch} {priority} {sorted(asdict(options).items())}",
        )
        threads = at_once or (_ON_SERVER if server else _HERE)
        return batch.run(todo, threads, patience_s=0.0 if server else _END_S)


@contextmanager
def _opened(out: Path) -> Iterator[tuple[Journal, Path]]:
    """The journal in the output folder, which no other batch uses, and a temporary folder."""
    in_use = Conflict(
        f"Another `tessera batch` writes to {out}.",
        expected="An output folder that no other batch uses.",
        hint="Wait until it has ended, or give another folder with --out.",
    )
    with (
        handling_signals(_interrupt, signal.SIGTERM, signal.SIGHUP),
        locked_folder(out, LOCK, in_use, "--out"),
        Journal(out / JOURNAL) as journal,
        tempfile.TemporaryDirectory(prefix="tessera-", ignore_cleanup_errors=True) as scratch,
    ):
        yield journal, Path(scratch)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Makes other signals end the batch like Ctrl-C."""
    raise KeyboardInterrupt
