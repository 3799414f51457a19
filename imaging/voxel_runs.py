"""Runs of voxels that get a label: how changes of a mask are packed, checked and read.

A run is three little-endian uint32: `start`, `length` and `value`. The voxels with the flat indices
`start` to `start + length - 1` get the label number `value`. Indices count the voxels of the scan's
grid with the first axis fastest, as NIfTI stores them; those of an image count the pixels of the
slice that `imaging.formats.label_map.upright` describes. Runs apply in their order.

Runs are packed as a gzip stream (RFC 1952), which is read a chunk at a time.
"""

import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.atomic import replacing

RUN_BYTES = 12
MOST_VOXELS = 1 << 32
"""Voxels of the largest grid whose flat indices are uint32."""
_CHUNK_RUNS = 1 << 16
_HINT = "Send the runs again, as the guide to the API describes them."


@dataclass(frozen=True, slots=True)
class RunRules:
    """What runs may change."""

    voxels: int
    """Number of voxels of the grid."""
    labels: Collection[int]
    """The label numbers that a voxel may get, beside 0."""
    largest: int | None = None
    """For masks that number objects: the largest number, instead of `labels`."""
    most_runs: int = 1 << 22
    """Maximum number of runs in a stream."""


@dataclass(frozen=True, slots=True)
class RunTotals:
    """How much a stream of runs changes."""

    runs: int
    voxels: int
    """Sum of the lengths; a voxel that two runs change counts twice."""
    sha256: str
    """Of the runs, however they are packed."""


def read_runs(packed: bytes) -> Iterator[NDArray[np.uint32]]:
    """The runs of a gzip stream in chunks of shape (runs, 3); raises BadRequest if it is damaged or
    ends within a run."""
    for chunk in _unpacked(packed):
        if len(chunk) % RUN_BYTES:
            raise BadRequest(
                "The changes of the mask end within a run.",
                expected=f"Runs of {RUN_BYTES} bytes: start, length and value.",
                hint=_HINT,
            )
        yield np.frombuffer(chunk, "<u4").reshape(-1, 3)


def checked_totals(packed: bytes, rules: RunRules) -> RunTotals:
    """Reads a whole stream and returns how much it changes.

    Raises BadRequest for a damaged stream, a run without voxels or outside the grid, or a number
    that is no label; ScanTooLarge for too many runs, as soon as they are unpacked.
    """
    runs, voxels, digest = 0, 0, hashlib.sha256()
    allowed = np.array(sorted({0, *rules.labels}), np.uint32)
    for chunk in read_runs(packed):
        runs += len(chunk)
        if runs > rules.most_runs:
            raise ScanTooLarge(
                "There are too many runs of voxels in one set of changes.",
                expected=f"At most {rules.most_runs:,} runs.",
                hint="Divide the changes into several sets.",
            )
        _check_places(chunk, rules.voxels)
        _check_values(chunk[:, 2], allowed, rules.largest)
        voxels += int(chunk[:, 1].sum(dtype=np.uint64))
        digest.update(chunk.data)
    return RunTotals(runs, voxels, digest.hexdigest())


def join_runs(sets: Iterable[bytes], path: Path) -> None:
    """Writes the runs of several streams to `path` as one stream of one member: browsers unpack no
    other. Raises BadRequest as `read_runs`."""
    with (
        replacing(path) as file,
        gzip.GzipFile("", "wb", 1, file, mtime=0) as packed,
    ):
        for one in sets:
            for chunk in _unpacked(one):
                packed.write(chunk)


def pack_runs(runs: NDArray[np.uint32]) -> bytes:
    """Runs of shape (runs, 3) as a gzip stream."""
    return gzip.compress(runs.astype("<u4").tobytes(), compresslevel=1, mtime=0)


def _unpacked(packed: bytes) -> Iterator[bytes]:
    if not packed:
        raise _damaged()
    with gzip.GzipFile(fileobj=BytesIO(packed)) as stream:
        while chunk := _next(stream):
            yield chunk


def _next(stream: gzip.GzipFile) -> bytes:
    try:
        return stream.read(_CHUNK_RUNS * RUN_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged() from error


def _damaged() -> BadRequest:
    return BadRequest(
        "The changes of the mask are cut off, or are not compressed with gzip.",
        expected="One complete gzip stream.",
        hint=_HINT,
    )


def _check_places(runs: NDArray[np.uint32], voxels: int) -> None:
    start, length = runs[:, 0].astype(np.uint64), runs[:, 1].astype(np.uint64)
    if not length.all():
        raise BadRequest("A run has no voxel.", expected="Runs of at least one voxel.", hint=_HINT)
    if (start + length > voxels).any():
        raise BadRequest(
            "A run of voxels ends outside the scan.",
            expected=f"Flat indices below {voxels:,}, the number of voxels of the scan.",
            hint="Check that the changes belong to this job, and count the first axis fastest.",
        )


def _check_values(
    values: NDArray[np.uint32], allowed: NDArray[np.uint32], largest: int | None
) -> None:
    if largest is not None:
        unknown, expected = values[values > largest], f"Numbers of objects from 0 to {largest:,}."
    else:
        unknown = values[~np.isin(values, allowed)]
        expected = f"0, or a label of the mask: {_listed(allowed[1:])}."
    if unknown.size:
        raise BadRequest(
            f"{int(unknown[0])} is no label of the mask.",
            expected=expected,
            hint="Use the label values of the job's report.",
        )


def _listed(labels: NDArray[np.uint32], most: int = 20) -> str:
    shown = ", ".join(map(str, labels[:most].tolist()))
    return f"{shown}, ..." if labels.size > most else shown
