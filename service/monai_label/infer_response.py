"""The response to an inference: the mask as the client wants it, and the names of its labels."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response, StreamingResponse

from imaging.formats.limits import Limits
from imaging.formats.mask_file import read, write
from imaging.formats.nrrd.write import write_mask_nrrd
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Scans
from jobs.stored_scan import StoredScan
from models.any_card import AnyCard
from service.http.downloads import file_response
from service.monai_label.infer_params import InferParams, Output
from service.resources.scratch import Scratch
from service.use_cases.result_mask import ResultMask
from service.use_cases.results import Results

_BLOCK_BYTES = 1 << 20
_MAX_NAMED_OBJECTS = 1000


@dataclass(frozen=True, slots=True)
class InferResponses:
    """Makes responses."""

    scans: Scans
    results: Results
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def respond(
        self, job: Job, scan: StoredScan, card: AnyCard, params: InferParams, output: Output
    ) -> Response:
        """A form of `params` and `image`, or one of the two alone, as `output` says."""
        if output == "dicom_seg":
            return file_response(self.results.mask(ResultMask(job), "dicom-seg"))
        with self.blobs.local(str(job.mask_sha256)) as stored:
            mask = read(stored, len(scan.shape) - 1, self.scratch.folder)
        facts = _facts(self.results.report(job), job, card, mask)
        facts["scans_of_series"] = self.scans.series_count(scan)
        if output == "json":
            return JSONResponse(facts)
        with self.blobs.local(scan.sha256) as source:
            opened = open_scan(source, self.limits, self.scratch.folder)
            numbers = _contiguous(mask, card)
            if output == "image":
                return self._image(*_stacked(numbers, opened), params)
            return self._form(numbers, opened, params, facts)

    def _image(self, numbers: NDArray[Any], scan: Scan, params: InferParams) -> Response:
        with self.scratch.file(params.extension) as path:
            _write(path, numbers, scan, params)
            name = f"{uuid4().hex}{params.extension}"
            return _streamed(b"", path, b"", "application/octet-stream", name)

    def _form(
        self, numbers: NDArray[Any], scan: Scan, params: InferParams, facts: Mapping[str, Any]
    ) -> Response:
        with self.scratch.file(params.extension) as path:
            _write(path, numbers, scan, params)
            return _form(facts, path, f"{uuid4().hex}{params.extension}")


def label_names(card: AnyCard) -> dict[str, int]:
    """Name -> number in a response: contiguous from 1, as 3D Slicer numbers its segments."""
    ordered = sorted(card.labels, key=lambda label: label.value)
    return {label.name: number for number, label in enumerate(ordered, 1)}


def _contiguous(mask: NDArray[Any], card: AnyCard) -> NDArray[Any]:
    """Label values as 1..N; object numbers are contiguous already."""
    values = sorted(label.value for label in card.labels)
    if card.instances is not None or values == list(range(1, len(values) + 1)):
        return mask
    table = np.zeros(max(values) + 1, np.min_scalar_type(len(values)))
    table[values] = range(1, len(values) + 1)
    numbers: NDArray[Any] = table[mask]
    return numbers


def _stacked(numbers: NDArray[Any], opened: Scan) -> tuple[NDArray[Any], Scan]:
    """The mask on a DICOM volume's own slices, in their order along the normal, as viewers stack.

    They differ from the scan's grid only if the scan was resampled.
    """
    if opened.dimension == 2 or opened.source is None:
        return numbers, opened
    stack = opened.source.on_planes(numbers).transpose(2, 1, 0)
    return stack, replace(opened, shape=(1, *stack.shape), stored_shape=stack.shape)


def _write(path: Path, numbers: NDArray[Any], scan: Scan, params: InferParams) -> None:
    if params.extension == ".nrrd":
        write_mask_nrrd(path, numbers, scan, compress=params.compress, at_least=params.dtype)
    else:
        write(path, numbers, scan)


def _facts(
    report: Mapping[str, Any], job: Job, card: AnyCard, mask: NDArray[Any]
) -> dict[str, Any]:
    """The `params` of a response."""
    measured = report.get("measurements") or {}
    seconds = report.get("seconds") or {}
    infer, total = seconds.get("network", 0.0), seconds.get("total", 0.0)
    return {
        "label_names": _names_in(card, mask),
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
        "model": card.full_name,
        "version": card.version,
        "job": job.id,
    }


def _names_in(card: AnyCard, mask: NDArray[Any]) -> dict[str, int]:
    """Names of the mask's numbers: one for each object, or one for all if there are very many."""
    if card.instances is None:
        return label_names(card)
    (label,), count = card.labels, int(mask.max(initial=0))
    if count > _MAX_NAMED_OBJECTS:
        return {label.name: 1}
    return {f"{label.name} {number}": number for number in range(1, count + 1)}


def _form(facts: Mapping[str, Any], path: Path, name: str) -> Response:
    """A form (RFC 7578) with a length: clients read the raw socket and cannot read chunks."""
    boundary = uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(facts)}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    kind = f"multipart/form-data; boundary={boundary}"
    return _streamed(head.encode(), path, f"\r\n--{boundary}--\r\n".encode(), kind)


def _streamed(head: bytes, path: Path, tail: bytes, kind: str, name: str = "") -> Response:
    headers = {"Content-Length": str(len(head) + path.stat().st_size + len(tail))}
    if name:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    file = path.open("rb")  # stays readable when scratch removes the file's name

    def blocks() -> Iterator[bytes]:
        with file:
            yield head
            while block := file.read(_BLOCK_BYTES):
                yield block
            yield tail

    return StreamingResponse(blocks(), media_type=kind, headers=headers)
