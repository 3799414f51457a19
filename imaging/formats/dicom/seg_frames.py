"""Writes the frames of a Segmentation directly into its file.

PerFrameFunctionalGroupsSequence and PixelData are the last two elements of a file, and both consist
of similar parts. Each part is encoded once per plane or per segment. Frames with one bit per voxel
(PS3.5 8.2: packed without gaps, first voxel in the lowest bit) are packed one by one. Time and
memory therefore hardly grow with the number of frames.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sr.codedict import codes

from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.formats.dicom.referenced_plane import ReferencedPlane, decimal
from imaging.formats.dicom.references import image

_MOST_BYTES = 2**32 - 2
"""Largest value of an element with a defined length (PS3.5 7.1)."""
_PER_FRAME = b"\x00\x52\x30\x92SQ\0\0"
_ITEM = b"\xfe\xff\x00\xe0"


@dataclass(frozen=True, slots=True)
class SegFrame:
    """One frame of a Segmentation."""

    segment: int
    """Index of the segment in the object, from 0; always 0 in a label map."""
    plane: int
    """Index of the mask's plane."""
    value: int | None
    """The mask's number that is 1 in the frame; None: the frame is the plane itself."""


def write_with_frames(
    path: Path,
    dataset: Dataset,
    mask: NDArray[Any],
    referenced: Sequence[ReferencedPlane],
    frames: Sequence[SegFrame],
) -> None:
    """Writes `dataset`, built for one plane, with these frames of `mask` (planes, rows, columns).

    The file has explicit VR, little endian. Raises BadRequest where one file cannot hold them all.
    """
    bits = int(dataset.BitsAllocated)
    size = -(-len(frames) * prod(mask.shape[1:]) * bits // 8)
    if size > _MOST_BYTES:
        raise BadRequest(
            f"The frames of all segments take {size:,} bytes.",
            expected=f"At most {_MOST_BYTES:,} for all frames of one DICOM object.",
            hint="Fetch the mask as dicom-labelmap, or segment fewer labels or slices.",
        )
    items = list(dataset.PerFrameFunctionalGroupsSequence)
    kind = b"OW" if bits > 8 else b"OB"
    del dataset.PerFrameFunctionalGroupsSequence, dataset.PixelData
    dataset.NumberOfFrames = len(frames)
    with replacing(path) as file:
        dcmwrite(file, dataset, enforce_file_format=True)
        groups = [_ITEM + _long(len(item)) + item for item in _groups(items, referenced, frames)]
        file.write(_PER_FRAME + _long(sum(map(len, groups))))
        file.writelines(groups)
        file.write(b"\xe0\x7f\x10\x00" + kind + b"\0\0" + _long(size + size % 2))
        file.writelines(_packed(mask, frames) if bits == 1 else _plain(mask, frames, bits))
        file.write(bytes(size % 2))


def _groups(
    items: Sequence[Dataset], referenced: Sequence[ReferencedPlane], frames: Sequence[SegFrame]
) -> Iterator[bytes]:
    """Encoded functional groups of each frame (C.7.6.16); `items` are those of the first plane."""
    used = sorted({frame.plane for frame in frames})
    rank = {plane: number for number, plane in enumerate(used, 1)}
    sources = {plane: _encoded(_derivation(referenced[plane])) for plane in used}
    positions = {plane: _encoded(_position(items[0], referenced[plane])) for plane in used}
    rest = [_encoded(_rest(item)) for item in items]
    for frame in frames:
        content = _encoded(_content(items[frame.segment], rank[frame.plane]))
        plane = frame.plane
        yield b"".join((sources[plane], content, positions[plane], rest[frame.segment]))


def _derivation(plane: ReferencedPlane) -> Dataset:
    source = image(plane)
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = [
        _code(codes.DCM.SourceImageForImageProcessingOperation)
    ]
    step = Dataset()
    step.SourceImageSequence = [source]
    step.DerivationCodeSequence = [_code(codes.DCM.Segmentation)]
    group = Dataset()
    group.DerivationImageSequence = [step]
    return group


def _code(code: Any) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _position(item: Dataset, plane: ReferencedPlane) -> Dataset:
    group = Dataset()
    if "PlanePositionSequence" in item:
        position = Dataset()
        position.ImagePositionPatient = [decimal(n) for n in plane.position or ()]
        group.PlanePositionSequence = [position]
    return group


def _content(item: Dataset, rank: int) -> Dataset:
    """Dimension indices (C.7.6.17): those of the first plane, with the plane's rank as the last."""
    content, group = Dataset(), Dataset()
    content.update(item.FrameContentSequence[0])
    if "PlanePositionSequence" in item:
        given = item.FrameContentSequence[0]["DimensionIndexValues"].value
        before = list(given)[:-1] if isinstance(given, Iterable) else []
        content.DimensionIndexValues = [*before, rank]
    group.FrameContentSequence = [content]
    return group


def _rest(item: Dataset) -> Dataset:
    group = Dataset()
    group.update(item)
    for keyword in ("DerivationImageSequence", "FrameContentSequence", "PlanePositionSequence"):
        if keyword in group:
            delattr(group, keyword)
    return group


def _encoded(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return bytes(buffer.getvalue())


def _long(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _plain(mask: NDArray[Any], frames: Iterable[SegFrame], bits: int) -> Iterator[bytes]:
    kind = np.dtype(f"<u{bits // 8}")
    for frame in frames:
        yield mask[frame.plane].astype(kind, copy=False).tobytes()


def _packed(mask: NDArray[Any], frames: Iterable[SegFrame]) -> Iterator[bytes]:
    left = np.zeros(0, bool)
    for frame in frames:
        bits = (mask[frame.plane] == frame.value).ravel()
        if left.size or bits.size % 8:
            bits = np.concatenate((left, bits))
        whole = bits.size - bits.size % 8
        left = bits[whole:]
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
    yield np.packbits(left, bitorder="little").tobytes()
