"""Scans and masks as files that a viewer can load, made in scratch; volumes in flat memory."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from starlette.responses import Response, StreamingResponse

from imaging.formats.mask_file import DICOM, SUFFIXES, read, write
from imaging.formats.nifti import GZIP, shown_as_stored, write_volume
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from jobs.job import Job, StoredScan
from service.http import etags
from service.parts import Parts
from service.use_cases import dicom_results

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


def dicom(parts: Parts, job: Job, form: str, name: str) -> Response:
    """A job's mask, or with form `dicom-sr` its measurements, as a DICOM object.

    Raises what `dicom_results.write` raises.
    """
    tag, ending = f"{job.mask_sha256}-{form}", SUFFIXES.get(form, REPORT_ENDING)
    make = partial(dicom_results.write, parts, job, form)
    return _made(parts, make, name, ending, DICOM_MEDIA, tag)


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
    headers = etags.headers(tag) | {
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return StreamingResponse(blocks, media_type=media_type, headers=headers)
