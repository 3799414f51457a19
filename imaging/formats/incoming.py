"""The scans in an upload, ready to be stored: a file, a part of it, or the pack of a series."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from imaging.errors import BadInput, BadRequest, NotFound, SeveralScans
from imaging.formats import registry
from imaging.formats.dicom.deidentify import LabelImage, deidentify_file
from imaging.formats.dicom.frame_choice import FramePart, frame_parts
from imaging.formats.dicom.frame_extract import frame_writer
from imaging.formats.dicom.instance import Instance, opener
from imaging.formats.dicom.instance_collection import CollectedFile, InstanceCollection
from imaging.formats.dicom.instance_reader import instance_of, read_instance
from imaging.formats.dicom.open import open_dicom
from imaging.formats.dicom.pack import Manifest, write_pack
from imaging.formats.dicom.scan_candidate import ScanCandidate
from imaging.formats.dicom.series import Series
from imaging.formats.dicom.unpack import DicomFile, dicom_files, holds_dicom
from imaging.formats.format import Extract, ScanFormat
from imaging.formats.joined_pair import JoinedPair, joined_files, joined_members
from imaging.formats.limits import Limits
from imaging.formats.scan_part import ScanPart, chosen_parts
from imaging.formats.sniff import format_of
from imaging.hashes import sha256_of
from imaging.scan import Scan


@dataclass(frozen=True, slots=True)
class ScanSelection:
    """Which scans of an upload are meant, and how DICOM is converted."""

    series: str | None = None
    """SeriesInstanceUID; None: any series."""
    stack: int | None = None
    """Volume of the series, from 1; None: any volume."""
    volume: int | None = None
    """Part of a file that holds several scans (time point, frame, component, page), from 1."""
    each: bool = False
    """Whether every scan is meant, without localizers and smaller copies of slides."""
    frames: bool = True
    """Whether `each` means every frame of a DICOM cine, too; a cine is refused otherwise."""
    max_volumes: int | None = None
    """Largest number of volumes of one DICOM series, with `each`; None: any number."""
    resample: bool = False
    """Whether tilted or unevenly spaced slices are resampled."""
    deidentify: bool = False
    """Whether the DICOM files are de-identified."""


@dataclass(frozen=True, slots=True)
class IncomingScan:
    """The file of one scan, and what is known of it already."""

    path: Path
    name: str = ""
    """A name without patient data; "" where the file's own name is the scan's."""
    scan: Scan | None = None
    """The scan, where its headers have been parsed (DICOM). Its voxels can be read only while the
    uploaded files exist. None: the file has not been opened."""
    sha256: str | None = None
    """Checksum of the file, where it has been computed."""
    named_after: Path | None = None
    """The uploaded file whose name the scan has; None: `path`, if that is an uploaded file."""


@dataclass(frozen=True, slots=True)
class RefusedScan:
    """One of several scans that cannot be used."""

    name: str
    error: BadInput


@dataclass(frozen=True, slots=True)
class IncomingFiles:
    """What files that were sent together hold."""

    scans: Sequence[IncomingScan]
    refused: Sequence[RefusedScan] = ()
    """Scans that cannot be used, where others can."""
    masks: Sequence[Path] = ()
    """DICOM Segmentations. Without any scan, they may be of scans that were sent before."""


def incoming_scans(
    paths: Sequence[Path],
    folder: Path,
    limits: Limits,
    selection: ScanSelection | None = None,
    secret: bytes = b"",
) -> tuple[list[IncomingScan], list[RefusedScan]]:
    """As `incoming_files`, of scans alone: masks are left out, and refused where nothing else is
    there."""
    files = incoming_files(paths, folder, limits, selection, secret)
    if not files.scans:
        for path in files.masks:
            read_instance(opener(path))  # raises why it is no scan
    return list(files.scans), list(files.refused)


def incoming_files(
    paths: Sequence[Path],
    folder: Path,
    limits: Limits,
    selection: ScanSelection | None = None,
    secret: bytes = b"",
) -> IncomingFiles:
    """The scans in files that were sent together. Each DICOM file is hashed and parsed once.

    Archives are unpacked, and packs are written, into `folder`. `secret` is the key of the
    pseudonyms of de-identified files. Raises SeveralScans where one must be chosen first or there
    are more than `max_volumes`, BadRequest for several files that are not DICOM, and the error of a
    scan where no other is left. A part of a file is written into `folder`, too.
    """
    selection = selection or ScanSelection()
    if len(paths) == 1 and not holds_dicom(paths[0]):
        return IncomingFiles(_parts(paths[0], folder, limits, selection))
    pair = joined_files(paths, folder, limits)
    if pair is not None:
        return IncomingFiles(_pair_parts(pair, paths, folder, limits, selection))
    files = dicom_files(paths, folder, limits)
    collected = (
        _deidentified(files, folder, limits, secret)
        if selection.deidentify
        else map(CollectedFile.on_disk, files)
    )
    collection = InstanceCollection.of(collected)
    masks = [file.path for file in collection.masks]
    if masks and not (collection.candidates or collection.damaged):
        return IncomingFiles([], masks=masks)
    if not collection.candidates:
        return IncomingFiles(_not_dicom(collection, paths, folder, limits, selection))
    chosen = _chosen(collection, selection)
    damaged = collection.damaged_series
    if not selection.each:
        for series, error in damaged.items():
            if selection.series is None or series in ("", selection.series):
                raise error
    scans, refused = _packed(collection, chosen, folder, limits, selection)
    refused += (RefusedScan("DICOM", error) for error in damaged.values())
    return IncomingFiles(scans, refused, masks)


def _parts(
    path: Path, folder: Path, limits: Limits, selection: ScanSelection
) -> list[IncomingScan]:
    """The file itself where it is one scan, else a file of each part that is meant.

    With `deidentify`, each scan is a file of its pixels alone.
    """
    scan_format = format_of(path)
    write = _deidentify(scan_format) if selection.deidentify else scan_format.extract
    if scan_format.parts is None:
        if selection.deidentify:
            scan_format.verify(path, limits)
        parts: Sequence[ScanPart] = [ScanPart(1, scan_format.title, ())]
    else:
        parts = scan_format.parts(path, limits)
    chosen = chosen_parts(parts, selection.volume, each=selection.each)
    if write is None or (len(parts) == 1 and not selection.deidentify):
        return [IncomingScan(path)]
    files = {part.number: folder / f"part-{part.number}" for part in chosen}
    write(path, files)
    return [IncomingScan(files[part.number], part.title) for part in chosen]


def _deidentify(scan_format: ScanFormat) -> Extract:
    if scan_format.deidentify is None:
        able = [one for one in registry.SCAN_FORMATS if one.deidentify is not None]
        raise BadRequest(
            f"A file of the format {scan_format.title} cannot be de-identified.",
            expected=f"A DICOM file or series, or {', '.join(one.title for one in able)}.",
            hint="Remove the names from it, then send it without `deidentify`.",
        )
    return scan_format.deidentify


def _deidentified(
    files: Iterable[DicomFile], folder: Path, limits: Limits, secret: bytes
) -> Iterator[CollectedFile]:
    if not secret:
        raise BadRequest(
            "De-identification needs a secret, which this command does not have.",
            hint="Send the files to a gateway with `deidentify`.",
        )
    for number, file in enumerate(files):
        path = folder / f"deidentified-{number}"
        try:
            dataset = deidentify_file(file.path, path, secret, limits)
        except LabelImage as error:
            yield CollectedFile(file, partial(_refused, error))
            continue
        yield CollectedFile(
            DicomFile(path, sha256_of(path)), partial(instance_of, dataset, opener(path))
        )


def _refused(error: LabelImage) -> Instance:
    raise error


def _not_dicom(
    collection: InstanceCollection,
    paths: Sequence[Path],
    folder: Path,
    limits: Limits,
    selection: ScanSelection,
) -> list[IncomingScan]:
    """The scans of a header and its data file in an archive; refuses all else."""
    pair = joined_members(paths, folder, limits)
    if pair is not None:
        return _pair_parts(pair, paths, folder, limits, selection)
    if collection.damaged or collection.others:
        collection.refuse()
    if len(paths) > 1:
        raise BadRequest(
            "The upload has several files that are not DICOM.",
            expected="One file, a header and its data file, or the files of a DICOM series.",
            hint="Send each volume or image in an upload of its own.",
        )
    collection.refuse()
    return []


def _pair_parts(
    pair: JoinedPair,
    paths: Sequence[Path],
    folder: Path,
    limits: Limits,
    selection: ScanSelection,
) -> list[IncomingScan]:
    named = pair.header if pair.header in paths else None
    scans = _parts(pair.path, folder, limits, selection)
    return [replace(scan, named_after=named) for scan in scans]


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
