"""The scans of the DICOM files in an upload: which are meant, and a file or a pack of each."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from imaging.errors import BadInput, NotFound, SeveralScans
from imaging.formats.dicom.frame_choice import FramePart, frame_parts
from imaging.formats.dicom.frame_extract import frame_writer
from imaging.formats.dicom.instance_collection import InstanceCollection
from imaging.formats.dicom.open import open_dicom
from imaging.formats.dicom.pack import Manifest, write_pack
from imaging.formats.dicom.scan_candidate import ScanCandidate
from imaging.formats.dicom.series import Series
from imaging.formats.incoming_scan import IncomingScan, RefusedScan, ScanSelection
from imaging.formats.limits import Limits
from imaging.formats.scan_part import chosen_parts
from imaging.hashes import sha256_of


def incoming_series(
    collection: InstanceCollection, folder: Path, limits: Limits, selection: ScanSelection
) -> tuple[list[IncomingScan], list[RefusedScan]]:
    """The scans that are meant; packs are written into `folder`.

    Raises NotFound, SeveralScans where one must be chosen first, and the error of a scan where no
    other is left.
    """
    chosen = _chosen(collection, selection)
    damaged = collection.damaged_series
    if not selection.each:
        for series, error in damaged.items():
            if selection.series is None or series in ("", selection.series):
                raise error
    scans, refused = _packed(collection, chosen, folder, limits, selection)
    return scans, [*refused, *(RefusedScan("DICOM", error) for error in damaged.values())]


def _chosen(collection: InstanceCollection, selection: ScanSelection) -> list[ScanCandidate]:
    candidates = [c for c in collection.candidates if selection.series in (None, c.series)]
    if selection.stack is not None:
        candidates = [c for c in candidates if c.number + 1 == selection.stack]
    if not candidates:
        raise NotFound(
            "The upload does not hold the requested series or volume.",
            expected=f"One of its {len(collection.candidates)} scans.",
            hint="Send it without `series` and `stack`: the response lists them.",
        )
    images = [c for c in candidates if not c.aside] or candidates
    _check_count(images, selection)
    if len(images) > 1 and not selection.each:
        raise SeveralScans(
            " ".join((f"The upload holds {len(candidates)} scans.", *_notes(images))),
            expected="One scan, or the choice of one.",
            hint="Choose one by `series` and `stack`, or set `each=true` to make a scan of each.",
            choices=[candidate.choice for candidate in candidates],
        )
    return images


def _check_count(candidates: Sequence[ScanCandidate], selection: ScanSelection) -> None:
    """Raises SeveralScans for a series of more volumes than the selection allows.

    Images without a position do not count: each is a scan by itself, and a small one.
    """
    volumes = Counter(one.series for one in candidates if one.stack.plane is not None)
    most = max(volumes.values(), default=0)
    if selection.max_volumes is None or most <= selection.max_volumes:
        return
    raise SeveralScans(
        f"The series holds {most:,} volumes, such as time points, and each would start a job.",
        expected=f"At most {selection.max_volumes:,} volumes, as `max_volumes` of the rule states.",
        hint="Raise `max_volumes` of the rule and send the series again, or upload the series and "
        "choose the volumes to segment.",
    )


def _notes(candidates: Sequence[ScanCandidate]) -> tuple[str, ...]:
    """What is unusual about how series were divided, without repetitions."""
    return tuple(dict.fromkeys(note for one in candidates for note in one.stack.notes))


def _packed(
    collection: InstanceCollection,
    chosen: Sequence[ScanCandidate],
    folder: Path,
    limits: Limits,
    selection: ScanSelection,
) -> tuple[list[IncomingScan], list[RefusedScan]]:
    scans: list[IncomingScan] = []
    refused: list[RefusedScan] = []
    for number, candidate in enumerate(chosen):
        try:
            pack = folder / f"pack-{number}"
            scans += _incoming(collection, candidate, pack, limits, selection)
        except BadInput as error:
            if len(chosen) == 1:
                raise
            refused.append(RefusedScan(candidate.name, error))
    if not scans:
        raise refused[0].error
    return scans, refused


def _incoming(
    collection: InstanceCollection,
    candidate: ScanCandidate,
    pack: Path,
    limits: Limits,
    selection: ScanSelection,
) -> list[IncomingScan]:
    """The candidate's only file, the pack of its series, or a pack of each frame that is meant.

    Raises what refuses the scan.
    """
    damage = collection.damage_of(candidate)
    if damage is not None:
        raise damage
    parts = frame_parts(candidate)
    if parts and (selection.frames or not selection.each):
        frames = chosen_parts(parts, selection.volume, each=selection.each)
        return _frames(frames, pack, limits)
    if selection.volume not in (None, 1):
        raise NotFound(
            f"The DICOM image or volume has no part number {selection.volume}.",
            expected="1, or no number: it is one scan.",
            hint="Choose one of several volumes of a series by `stack`.",
        )
    scan = Series.of(candidate.stack, resample=selection.resample).scan(limits, None)
    file = None if selection.resample else collection.only_file(candidate)
    if file is None:
        sha256 = collection.write_pack(candidate, pack, resample=selection.resample)
        return [IncomingScan(pack, candidate.title, scan, sha256)]
    return [IncomingScan(file.path, candidate.title, scan, file.sha256)]


def _frames(parts: Sequence[FramePart], pack: Path, limits: Limits) -> list[IncomingScan]:
    """A pack of each frame, which states its number in the original instance."""
    writer = lru_cache(1)(lambda instance: frame_writer(instance.open))
    scans = []
    for part in parts:
        file = pack.with_name(f"{pack.name}-{part.number}")
        single = file.with_suffix(".dcm")
        writer(part.instance)(part.frame, single)
        manifest = Manifest(frame=part.frame + 1, frames=part.instance.number_of_frames)
        sha256 = write_pack(file, [(sha256_of(single), single)], manifest)
        single.unlink()
        scans.append(IncomingScan(file, part.title, open_dicom(file, limits), sha256))
    return scans
