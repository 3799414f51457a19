"""An inference's result: the mask as a client wants it, and what its numbers are called."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response, StreamingResponse

from imaging.formats.dicom.on_planes import OnPlanes
from imaging.formats.mask_file import read, write
from imaging.formats.nrrd import write_mask_nrrd
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from jobs.job import Job, StoredScan
from models.card import ModelCard
from service.monai_label.infer_params import Asked, Output
from service.parts import Parts
from service.use_cases import results

_BLOCK_BYTES = 1 << 20
_NAMED_OBJECTS = 1000


def respond(
    parts: Parts, job: Job, scan: StoredScan, card: ModelCard, asked: Asked, output: Output
) -> Response:
    """The answer to a client: a form of `params` and `image`, or one of the two alone."""
    if output == "dicom_seg":
        return results.dicom(parts, job, "dicom-seg", f"mask-{job.id}")
    with parts.blobs.local(str(job.mask_sha256)) as stored:
        mask = read(stored, len(scan.shape) - 1, parts.scratch.folder)
    if output == "json":
        return JSONResponse(_params(parts, job, card, mask))
    with parts.blobs.local(scan.sha256) as source:
        opened = open_scan(source, parts.limits, parts.scratch.folder)
        return _image(parts, job, card, mask, opened, asked, output)


def label_names(card: ModelCard) -> dict[str, int]:
    """Name -> number in a result: contiguous from 1, as 3D Slicer counts its segments."""
    ordered = sorted(card.labels, key=lambda label: label.value)
    return {label.name: number for number, label in enumerate(ordered, 1)}


def _image(
    parts: Parts,
    job: Job,
    card: ModelCard,
    mask: NDArray[Any],
    opened: Scan,
    asked: Asked,
    output: Output,
) -> Response:
    numbers = _contiguous(mask, card)
    name = f"{uuid4().hex}{asked.extension}"
    with parts.scratch.file(asked.extension) as path:
        if output == "image":
            _write(path, *_stacked(numbers, opened), asked)
            return _file(path, name)
        _write(path, numbers, opened, asked)
        return _form(_params(parts, job, card, mask), path, name)


def _contiguous(mask: NDArray[Any], card: ModelCard) -> NDArray[Any]:
    """Label values as 1..N; numbers of objects are that already."""
    values = sorted(label.value for label in card.labels)
    if card.instances is not None or values == list(range(1, len(values) + 1)):
        return mask
    table = np.zeros(max(values) + 1, np.min_scalar_type(len(values)))
    table[values] = range(1, len(values) + 1)
    found: NDArray[Any] = table[mask]
    return found


def _stacked(numbers: NDArray[Any], opened: Scan) -> tuple[NDArray[Any], Scan]:
    """On a DICOM volume's own slices, in their order along the normal: a viewer's stack.

    Only of a scan that was resampled these are other than the grid; its origin is then theirs.
    """
    source = opened.source
    if opened.dimension == 2 or not isinstance(source, OnPlanes):
        return numbers, opened
    stack = source.on_planes(numbers).transpose(2, 1, 0)
    return stack, replace(opened, shape=(1, *stack.shape), stored_shape=stack.shape)


def _write(path: Path, numbers: NDArray[Any], scan: Scan, asked: Asked) -> None:
    if asked.extension == ".nrrd":
        write_mask_nrrd(path, numbers, scan, compress=asked.compress, at_least=asked.dtype)
    else:
        write(path, numbers, scan)


def _params(parts: Parts, job: Job, card: ModelCard, mask: NDArray[Any]) -> dict[str, Any]:
    report = parts.repository.jobs.report(job.project, job.id)
    measured = report.get("measurements") or {}
    seconds = report.get("seconds") or {}
    infer, total = seconds.get("network", 0.0), seconds.get("total", 0.0)
    return {
        "label_names": _called(card, mask),
        "latencies": {
            "pre": seconds.get("open", 0.0),
            "infer": infer,
            "invert": 0.0,
            "post": max(0.0, round(total - infer - seconds.get("open", 0.0), 4)),
            "write": 0.0,
            "total": total,
        },
        "centroids": [
            {row["name"]: row["centroid_voxel"]}
            for row in measured.get("labels") or ()
            if row.get("centroid_voxel")
        ],
        "model": card.name,
        "version": card.version,
        "job": job.id,
    }


def _called(card: ModelCard, mask: NDArray[Any]) -> dict[str, int]:
    """Of an instance mask each object's own name, of very many the one name of all."""
    if card.instances is None:
        return label_names(card)
    (label,), count = card.labels, int(mask.max(initial=0))
    if count > _NAMED_OBJECTS:
        return {label.name: 1}
    return {f"{label.name} {number}": number for number in range(1, count + 1)}


def _file(path: Path, name: str) -> Response:
    return _streamed(b"", path, b"", "application/octet-stream", name)


def _form(params: Mapping[str, Any], path: Path, name: str) -> Response:
    """RFC 7578 with a length: clients read it off the socket, and a chunked one ends up broken."""
    mark = uuid4().hex
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="params"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(params)}\r\n"
        f'--{mark}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    kind = f"multipart/form-data; boundary={mark}"
    return _streamed(head.encode(), path, f"\r\n--{mark}--\r\n".encode(), kind)


def _streamed(head: bytes, path: Path, tail: bytes, kind: str, name: str = "") -> Response:
    headers = {"Content-Length": str(len(head) + path.stat().st_size + len(tail))}
    if name:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    file = path.open("rb")  # its name goes at the end of the block around this, its bytes stay

    def blocks() -> Iterator[bytes]:
        with file:
            yield head
            while block := file.read(_BLOCK_BYTES):
                yield block
            yield tail

    return StreamingResponse(blocks(), media_type=kind, headers=headers)
