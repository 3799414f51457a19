"""Scans and masks as files that a viewer can load, made in scratch; volumes in flat memory."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from starlette.responses import Response, StreamingResponse

from imaging.errors import Conflict
from imaging.formats.mask_file import DICOM, SUFFIXES, read, write
from imaging.formats.nifti import GZIP, shown_as_stored, write_volume
from imaging.formats.sniff import open_scan
from imaging.meaning import Meaning
from imaging.scan import Scan
from jobs.job import Job, StoredScan
from service import tags
from service.parts import Parts

NIFTI = "application/x-nifti"
DICOM_MEDIA = "application/dicom"
"""PS3.18 8.7.3, RFC 3240."""
MEDIA = {
    "nifti": NIFTI,
    "png": "image/png",
    "ome-tiff": "image/tiff",
    "ome-zarr": "application/zip",
    "nrrd": "application/octet-stream",
    **dict.fromkeys(DICOM, DICOM_MEDIA),
}
"""Media type of a mask by its format."""
REPORT_ENDING = ".sr.dcm"
_BLOCK_BYTES = 1 << 20


def stored(parts: Parts, sha256: str, name: str, media_type: str, tag: str) -> Response:
    """A blob as it lies there."""
    size, blocks = parts.blobs.stream(sha256)
    return _stream(blocks, size, name, media_type, tag)


def volume(parts: Parts, scan: StoredScan, tag: str) -> Response:
    """A scan as NIfTI: as it was sent if every viewer can show that, else written anew."""
    sent = _as_sent(parts, scan, tag) if scan.format == "nifti" and not scan.warnings else None
    if sent is not None:
        return sent
    with parts.blobs.local(scan.sha256) as source:
        opened = open_scan(source, parts.limits, parts.scratch.folder)
        return _written(parts, opened, f"scan-{scan.id}", tag)


def _as_sent(parts: Parts, scan: StoredScan, tag: str) -> Response | None:
    size, blocks = parts.blobs.stream(scan.sha256)
    first = next(blocks, b"")
    if not shown_as_stored(first):
        return None
    name = f"scan-{scan.id}.nii" + (".gz" if first.startswith(GZIP) else "")
    return _stream(chain((first,), blocks), size, name, NIFTI, tag)


def mask(
    parts: Parts, mask_sha256: str, scan: StoredScan, wanted: str, name: str, tag: str
) -> Response:
    """A mask in another format than it is stored in: `nifti`, `nrrd`, `ome-tiff` or `ome-zarr`.

    A picture's NIfTI lies on the grid that `volume` gives its scan.
    """
    ending = SUFFIXES[wanted] + (".zip" if wanted == "ome-zarr" else "")
    with parts.blobs.local(mask_sha256) as source:
        stored = open_scan(source, parts.limits, parts.scratch.folder)
        placed = replace(
            stored, spacing_mm=scan.spacing_mm, format=scan.format, affine=np.array(scan.affine)
        )
        if wanted == "nifti":
            return _written(parts, placed, name, tag)
        numbers = read(source, len(scan.shape) - 1, parts.scratch.folder)
        return _made(
            parts, lambda path: write(path, numbers, placed), name, ending, MEDIA[wanted], tag
        )


def dicom(
    parts: Parts,
    job: Job,
    scan: StoredScan,
    form: str,
    name: str,
    tag: str,
    measurements: Mapping[str, Any] | None = None,
) -> Response:
    """A job's mask, or with form `dicom-sr` its measurements, as a DICOM object.

    Raises BadRequest where the scan did not come as DICOM, Conflict where the model that made the
    mask is no longer the one of its name.
    """
    from imaging.formats.dicom.objects import write_object  # loads for a second

    meaning = _meaning(parts, job)
    with parts.blobs.local(scan.sha256) as source, parts.blobs.local(str(job.mask_sha256)) as mask:
        opened = open_scan(source, parts.limits, parts.scratch.folder)
        numbers = read(mask, opened.dimension, parts.scratch.folder)
        made_at = job.finished_at or job.created_at
        ending = SUFFIXES.get(form, REPORT_ENDING)
        return _made(
            parts,
            lambda path: write_object(path, form, numbers, opened, meaning, measurements, made_at),
            name,
            ending,
            DICOM_MEDIA,
            tag,
        )


def _meaning(parts: Parts, job: Job) -> Meaning:
    card = parts.registry.get(job.model).card
    if card.sha256 != job.model_sha256:
        raise Conflict(
            f"The model {job.model} here is not the one that made the mask.",
            expected=f"The model with checksum {job.model_sha256[:12]}...",
            todo="Run the job again, or fetch the mask as nifti.",
        )
    return card.meaning()


def _written(parts: Parts, scan: Scan, name: str, tag: str) -> Response:
    return _made(parts, lambda path: write_volume(path, scan), name, ".nii.gz", NIFTI, tag)


def _made(
    parts: Parts,
    make: Callable[[Path], None],
    name: str,
    ending: str,
    media_type: str,
    tag: str,
) -> Response:
    with parts.scratch.file(ending) as path:
        make(path)
        size, blocks = path.stat().st_size, _unlinked(path)
        first = next(blocks, b"")  # opens the file; its name may go then, its bytes stay
    return _stream(chain((first,), blocks), size, name + ending, media_type, tag)


def _unlinked(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _stream(blocks: Iterator[bytes], size: int, name: str, media_type: str, tag: str) -> Response:
    headers = tags.headers(tag) | {
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return StreamingResponse(blocks, media_type=media_type, headers=headers)
