"""Pixel data without anything that is not a pixel: for de-identification (decision 0032)."""

from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, AllTransferSyntaxes, ExplicitVRLittleEndian

from imaging.errors import UnsupportedScan
from imaging.formats.dicom import decoders
from imaging.formats.dicom.codestream import JP2, check_frame
from imaging.formats.dicom.codestream_cleaning import (
    CLEANED_SYNTAXES,
    clean_codestream,
    precision,
)
from imaging.formats.dicom.pixel_description import native_size
from imaging.formats.dicom.pixel_padding import PixelPadding
from imaging.formats.dicom.stored_bits import bit_shift, check_bits, without_unused_bits
from imaging.formats.limits import Limits

_FLOATS = {"FloatPixelData": 4, "DoubleFloatPixelData": 8}
"""Bytes of a value."""
_MOST_INDEXED = 1 << 32
"""Bound of an offset in a Basic Offset Table (PS3.5, A.4)."""

_PART_CELLS = 1 << 20
_LEAST_SIGN_BITS = 2
"""Unused bits from which a negative padding value is told from an overlay."""

decoders.register()


def clean_pixels(dataset: Dataset, limits: Limits) -> None:
    """Clears unused bits, and removes bytes that belong to no frame, in place.

    Compressed frames keep their codestream, without comments and application data, where its
    unused bits are empty; otherwise, and always with RLE, the frames are stored uncompressed.
    Raises UnsupportedScan for a compression that cannot be checked, ScanTooLarge before anything
    is decoded that exceeds the limits, and various errors for damaged pixel data.
    """
    for keyword, size in _FLOATS.items():
        if keyword in dataset:
            values = int(dataset.Rows) * int(dataset.Columns) * _frames(dataset)
            dataset[keyword].value = dataset[keyword].value[: values * size]
    if not dataset.get("PixelData"):
        return
    check_bits(dataset)
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID") or ExplicitVRLittleEndian))
    if syntax in AllTransferSyntaxes and not syntax.is_encapsulated:
        dataset["PixelData"].value = _clean_native(dataset, little=syntax.is_little_endian)
    elif decoders.is_available(syntax):
        _clean_compressed(dataset, syntax, limits)
    else:
        raise UnsupportedScan(
            "The image is compressed in a way that de-identification cannot check.",
            expected="An uncompressed image, or JPEG, JPEG-LS, JPEG 2000 or RLE.",
            hint="Export the image uncompressed.",
        )


def _frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _clean_native(dataset: Dataset, *, little: bool) -> bytes:
    """Uncompressed pixel data of even length (PS3.5, 8.1.1), cut to the size of the image."""
    size, allocated = native_size(dataset), int(dataset.BitsAllocated)
    data = bytearray(dataset.PixelData[: size + size % 2])
    if size % 2 and len(data) > size:
        swapped = not little and dataset["PixelData"].VR == "OW"
        data[size - 1 if swapped else size] = 0
    if allocated in (8, 16, 32) and allocated > int(dataset.BitsStored):
        _clear(data, _cell_type(dataset).newbyteorder("<" if little else ">"), dataset)
    elif allocated == 1:
        data[:size] = _without_last_bits(dataset, data[:size])
    return bytes(data) + b"\0" * (len(data) % 2)


def _clear(data: bytearray, kind: np.dtype[Any], dataset: Dataset) -> None:
    """Clears unused bits part by part, so that a large image is not copied."""
    cells = np.frombuffer(data, kind, len(data) // kind.itemsize)
    for start in range(0, len(cells), _PART_CELLS):
        part = cells[start : start + _PART_CELLS]
        part[:] = _cleared(part, dataset)


def _cell_type(dataset: Dataset) -> np.dtype[Any]:
    signed = int(dataset.get("PixelRepresentation") or 0)
    return np.dtype(f"<{'i' if signed else 'u'}{int(dataset.BitsAllocated) // 8}")


def _cleared(cells: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Cells without what their unused bits hold.

    A padding value such as -2000 may need more bits than BitsStored. It is kept where all bits
    above the value are set, as those of a negative number are; an overlay uses one of them.
    """
    cleared, padding = without_unused_bits(cells, dataset), PixelPadding.of(dataset)
    high = bit_shift(dataset) + int(dataset.BitsStored) - 1
    above = int(dataset.BitsAllocated) - high - 1
    if padding is None or bit_shift(dataset) or above < _LEAST_SIGN_BITS:
        return cleared
    ones = (1 << above) - 1
    kept = padding.covers(cells) & (cells >> (high + 1) & ones == ones)
    return np.where(kept, cells, cleared)


def _without_last_bits(dataset: Dataset, data: bytearray) -> bytearray:
    """1-bit pixels with the bits behind the last pixel cleared; the first is the lowest bit."""
    pixels = int(dataset.Rows) * int(dataset.Columns) * _frames(dataset)
    kept = pixels % 8
    if not kept or len(data) * 8 < pixels:
        return data
    data[-1] &= (1 << kept) - 1
    return data


def _clean_compressed(dataset: Dataset, syntax: UID, limits: Limits) -> None:
    frames = _codestreams(dataset, syntax) if syntax in CLEANED_SYNTAXES else []
    if not frames or _some_hidden(dataset, syntax, frames, limits):
        _decompress(dataset, syntax, limits)
        return
    indexed = sum(map(len, frames)) < _MOST_INDEXED
    dataset["PixelData"].value = encapsulate(frames, has_bot=indexed)


def _codestreams(dataset: Dataset, syntax: UID) -> list[bytes]:
    """Each frame, cleaned; none where one is a JP2 file, whose boxes may change the pixels.

    The size that each states is checked, also in a JP2 file: decoders allocate it.
    """
    stated = (int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel))
    offsets = [dataset.get(f"ExtendedOffsetTable{end}") for end in ("", "Lengths")]
    fragments = generate_frames(
        dataset.PixelData,
        number_of_frames=_frames(dataset),
        extended_offsets=(offsets[0], offsets[1]) if all(offsets) else None,
    )
    frames: list[bytes] = []
    files = 0
    for frame in islice(fragments, _frames(dataset)):
        check_frame(frame, syntax, stated)
        if frame.startswith(JP2):
            files += 1
        else:
            frames.append(clean_codestream(frame, syntax))
    if len(frames) + files < _frames(dataset):
        raise ValueError("The pixel data has fewer frames than the header states.")
    return [] if files else frames


def _some_hidden(dataset: Dataset, syntax: UID, frames: list[bytes], limits: Limits) -> bool:
    """Whether the codestreams have more bits than are stored, and these are in use."""
    if max(precision(one, syntax) for one in frames) <= int(dataset.BitsStored):
        return False
    cells = (_cells(array, dataset) for array, _ in _decoded(dataset, syntax, limits))
    return any(not np.array_equal(one, _cleared(one, dataset)) for one in cells)


def _decoded(
    dataset: Dataset, syntax: UID, limits: Limits
) -> Iterator[tuple[NDArray[Any], dict[str, Any]]]:
    """Frames as they are stored, all bits of them, and what describes them.

    Raises ScanTooLarge, before a frame is decoded.
    """
    limits.check_image(int(dataset.Rows), int(dataset.Columns), _decoded_bytes(dataset))
    return get_decoder(syntax).iter_array(
        dataset,
        raw=True,
        decoding_plugin=decoders.PLUGIN,
        correct_unused_bits=False,
    )


def _cells(array: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Decoded pixels in cells of the bits that are allocated."""
    kind = _cell_type(dataset)
    return array.astype(kind.str.replace("i", "u") if array.dtype.kind == "u" else kind).view(kind)


def _decoded_bytes(dataset: Dataset) -> int:
    """Size of a frame once decoded: each pixel then has all its samples, also with YBR_FULL_422."""
    cells = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    return cells * -(-int(dataset.BitsAllocated) // 8)


def _decompress(dataset: Dataset, syntax: UID, limits: Limits) -> None:
    limits.check_bytes(_decoded_bytes(dataset) * _frames(dataset))
    data, colors = BytesIO(), ""
    for array, description in _decoded(dataset, syntax, limits):
        data.write(_cleared(_cells(array, dataset), dataset).tobytes())
        colors = str(description["photometric_interpretation"])
    data.write(b"\0" * (data.tell() % 2))
    dataset["PixelData"].value = data.getvalue()
    dataset["PixelData"].VR = "OW" if int(dataset.BitsAllocated) > 8 else "OB"
    dataset["PixelData"].is_undefined_length = False
    dataset.PhotometricInterpretation = colors
    if int(dataset.SamplesPerPixel) > 1:
        dataset.PlanarConfiguration = 0
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
