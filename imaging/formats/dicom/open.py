"""Opens DICOM as it is stored: a single file, or the pack of a series."""

from collections.abc import Sequence
from pathlib import Path

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.concatenation import with_missing_parts
from imaging.formats.dicom.frame import Frame, frames_of
from imaging.formats.dicom.instance import opener
from imaging.formats.dicom.instance_reader import read_instance
from imaging.formats.dicom.pack import Manifest, is_pack, read_pack
from imaging.formats.dicom.series import Series, packed_stack
from imaging.formats.dicom.series_stacks import stacks_of
from imaging.formats.dicom.stack import Stack
from imaging.formats.limits import Limits
from imaging.scan import Scan


def open_dicom(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume or image of a file; reads headers, decodes no pixel.

    Raises UnreadableScan, UnsupportedScan, BrokenGeometry or ScanTooLarge.
    """
    with path.open("rb") as file:
        packed = is_pack(file.read(16))
    manifest, openers = read_pack(path) if packed else (Manifest(), [opener(path)])
    frames = [frame for one in openers for frame in frames_of(read_instance(one))]
    stacks = _stacks(frames, manifest)
    if not packed:  # a pack has these notes in its manifest
        stacks = with_missing_parts(stacks, frames)
    if not packed and len(stacks) > 1:
        raise UnsupportedScan(
            f"The file holds {len(stacks)} volumes.",
            expected="A file with one volume, or the choice of one.",
            hint="Choose one when you upload it.",
        )
    stack = packed_stack(stacks, manifest.stack).with_notes(*manifest.notes)
    series = Series.of(stack, resample=manifest.resample)
    if manifest.frame is not None and manifest.frames is not None:
        series = series.taken_from(manifest.frame, manifest.frames)
    return series.scan(limits, scratch)


def _stacks(frames: Sequence[Frame], manifest: Manifest) -> list[Stack]:
    """The volumes of which a manifest means one; raises UnreadableScan for frames that are not
    there."""
    if manifest.whole:
        return [Stack.of(frames)]
    if not manifest.planes:
        return stacks_of(frames)
    if max(manifest.planes) >= len(frames):
        raise UnreadableScan(
            f"The pack has {len(frames)} frames; its manifest names number {max(manifest.planes)}.",
            expected="A pack as Tessera writes it.",
            hint="Send the series again.",
        )
    return [Stack.of(frames[n] for n in manifest.planes)]
