"""The scans of a batch and the places of their masks, whatever the source is."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from cli.batch import listed
from cli.batch.entry import Entry, ScanPath
from cli.batch.folder import entries_of_folder
from cli.batch.targets import mask_targets_of
from cli.bids.data_set import is_data_set
from cli.bids.derivative import BidsDerivative
from cli.bids.option import images_of
from cli.input_scans import InputScan
from cli.mask_targets import MaskTarget
from cli.segmenters import Segmenter
from cli.subjects import channel_values
from imaging.counted import counted
from imaging.errors import BadRequest


def entries_of(
    source: Path, segmenter: Segmenter, out: Path, channels: Sequence[str], bids: bool | None
) -> tuple[list[Entry], BidsDerivative | None]:
    """The scans of a source, and the BIDS data set that the masks go to, if any."""
    if source.is_file():
        if bids or not source.name.lower().endswith(listed.ENDINGS):
            raise BadRequest(
                f"{source} is neither a folder nor a table.",
                expected=f"A folder, a BIDS data set, or a table ({', '.join(listed.ENDINGS)}).",
                hint="Segment a single scan with `tessera segment`.",
            )
        stated = channel_values(channels)
        return listed.entries_of_table(source, segmenter.channels(), stated), None
    if out.resolve() == source.resolve() or source.resolve().is_relative_to(out.resolve()):
        raise BadRequest(
            "The scans are in the output folder.",
            expected="An output folder beside the scans, or one below them.",
            hint="Give another folder with --out.",
        )
    if bids or (bids is None and is_data_set(source)):
        derivative = BidsDerivative(out, segmenter.mask_description(), source)
        chosen = images_of(source, channels, segmenter)
        return [_entry_of_images(images, source) for images in chosen], derivative
    if channels:
        raise BadRequest(
            "--channel is for tables and BIDS data sets.",
            expected="A folder whose files are scans of a model with one channel.",
            hint="List the scans in a table, with a column for each channel.",
        )
    names = segmenter.channels()
    if len(names) > 1:
        raise BadRequest(
            f"The model has the channels {', '.join(names)}, and a folder does not say which of "
            "its files belong together.",
            expected="A table with a column for each channel, or a BIDS data set.",
            hint="List the scans in a table.",
        )
    return entries_of_folder(source, out), None


def _entry_of_images(images: dict[str, Path], root: Path) -> Entry:
    first = next(iter(images.values()))
    scans = {name: ScanPath(path) for name, path in images.items()}
    return Entry(first.relative_to(root).as_posix(), scans)


def matching(entries: list[Entry], patterns: Sequence[str]) -> list[Entry]:
    """The entries whose id matches a pattern; without patterns, all. Raises BadRequest for none."""
    if not patterns:
        return entries
    chosen = [one for one in entries if any(fnmatch(one.id, pattern) for pattern in patterns)]
    if not chosen:
        raise BadRequest(
            f"None of {counted(len(entries), 'scan')} matches --only.",
            expected=f"A pattern that matches ids such as {entries[0].id}.",
            hint="Quote the pattern, so that the shell does not replace it.",
        )
    return chosen


def targets_of(
    entries: Sequence[Entry], out: Path, mask_format: str | None, derivative: BidsDerivative | None
) -> list[MaskTarget]:
    """Where the mask of each entry is written; raises BadRequest where two are the same."""
    if derivative is None:
        return mask_targets_of(entries, out, mask_format)
    named = [
        {name: InputScan(one.path, (one.path,)) for name, one in entry.channels.items()}
        for entry in entries
    ]
    targets = derivative.targets([next(iter(subject.values())) for subject in named], named)
    if len({(target.folder, target.stem) for target in targets}) < len(targets):
        raise BadRequest(
            "Two scans of the data set differ only in the ending of their names.",
            expected="One file for each name, because both masks would have the same name.",
            hint="Remove one of the files, or use --no-bids.",
        )
    return targets
