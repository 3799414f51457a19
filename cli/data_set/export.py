"""`tessera dataset export`"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.folder_lock import locked_folder
from cli.model_registry import registry
from imaging.counted import counted
from imaging.errors import Conflict
from jobs.account import FIRST_PROJECT
from models.any_card import AnyCard
from models.data_set.export import ExportOptions, OnCase, export_data_set
from models.data_set.judged_case import JudgedMasks
from models.data_set.manifest import Manifest
from models.data_set.versions import versions_of

_DOWNLOADS = ".download-"


@click.command("export")
@click.argument("model")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the data set. An export that was stopped continues; a later one adds what "
    "readers have judged since.",
)
@click.option(
    "--server",
    metavar="URL",
    help="Export from this Tessera server instead of this machine's database.",
)
@click.option(
    "--project",
    default=FIRST_PROJECT,
    show_default=True,
    help="Project of the masks in the database. A server gives those of the caller's project.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="Share of the subjects that is kept to measure on, chosen by a hash of the subject.",
)
@click.option(
    "--subject-pattern",
    default="",
    metavar="REGEX",
    help="Regular expression whose first group, in a scan's file name, is the subject. By default "
    "the patient of a DICOM scan, `sub-...` in the name, the series, or else the scan itself.",
)
def command(
    model: str, out: Path, server: str | None, project: str, held_out: float, subject_pattern: str
) -> None:
    """Export the accepted and corrected masks of MODEL with their scans as a data set.

    The newest verdict counts; rejected masks and open second readings are left out. Files contain
    voxels and geometry only, under pseudonyms. Faces in scans of heads are not removed.
    """
    options = ExportOptions(held_out, subject_pattern)
    in_use = Conflict(
        f"Another export into {out} is running.",
        expected="A folder that no other export uses.",
        hint="Wait until it has ended, or give another folder with -o.",
    )
    with (
        locked_folder(out, ".export.lock", in_use, "-o"),
        _source(model, server, project, out) as (source, card, checksums),
        _bar() as on_case,
    ):
        manifest = export_data_set(source, card, checksums, out, options, on_case)
    click.echo(_summary(manifest, out))


@contextmanager
def _source(
    model: str, server: str | None, project: str, out: Path
) -> Iterator[tuple[JudgedMasks, AnyCard, set[str]]]:
    """Where masks come from, the model's card, and the checksums of its versions' networks."""
    for left in out.glob(f"{_DOWNLOADS}*"):  # of an export that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=_DOWNLOADS, dir=out) as scratch:
        if server:
            from cli.data_set.server_masks import server_cards, server_masks

            cards = versions_of(*server_cards(server, model))
            names = [card.full_name for card in cards]
            with server_masks(server, names, Path(scratch)) as masks:
                yield masks, cards[0], {card.checksum for card in cards}
            return
        from cli.data_set.stored_masks import stored_masks

        installed = [one.card for one in registry().all()]
        cards = versions_of(registry().get(model).card, installed)
        names = [card.full_name for card in cards]
        with stored_masks(project, names, Path(scratch)) as stored:
            yield stored, cards[0], {card.checksum for card in cards}


@contextmanager
def _bar() -> Iterator[OnCase]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cases"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("exporting", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _summary(manifest: Manifest, out: Path) -> str:
    counts = manifest.counts
    cases, subjects = counts["cases"], counts["subjects"]
    corrected, accepted = counts["corrected"], counts["accepted"]
    train, measure = counts["training_cases"], counts["held_out_cases"]
    first = (
        f"{counted(cases, 'case')} of {counted(subjects, 'subject')} in {out}: "
        f"{corrected} corrected, {accepted} accepted; {train} to train on, "
        f"{measure} of other subjects to measure on."
    )
    left_out = [f"Left out: {number}, {reason}." for reason, number in manifest.left_out.items()]
    last = f"To fine-tune: tessera train --start {manifest.model} --data {out} -o RUN"
    return "\n".join((first, *left_out, last))
