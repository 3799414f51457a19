"""The scans in an upload, ready to be stored: a file, a part of it, or the pack of a series."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.dicom.deidentify import LabelImage, deidentify_file
from imaging.formats.dicom.instance import Instance, opener
from imaging.formats.dicom.instance_collection import CollectedFile, InstanceCollection
from imaging.formats.dicom.instance_reader import instance_of, read_instance
from imaging.formats.dicom.unpack import DicomFile, dicom_files, holds_dicom
from imaging.formats.format import Extract, ScanFormat
from imaging.formats.incoming_scan import IncomingFiles, IncomingScan, RefusedScan, ScanSelection
from imaging.formats.incoming_series import incoming_series
from imaging.formats.joined_pair import JoinedPair, joined_files, joined_members
from imaging.formats.limits import Limits
from imaging.formats.scan_part import ScanPart, chosen_parts
from imaging.formats.sniff import format_of
from imaging.hashes import sha256_of

__all__ = [
    "IncomingFiles",
    "IncomingScan",
    "RefusedScan",
    "ScanSelection",
    "incoming_files",
    "incoming_scans",
]


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
    scans, refused = incoming_series(collection, folder, limits, selection)
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
