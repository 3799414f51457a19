"""One frame of a multi-frame image, as an instance of its own."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.byte_pairs import in_swapped_pairs, pairs_around, swapped
from imaging.formats.dicom.instance import Opener
from imaging.formats.dicom.pixel_description import native_size

WriteFrame = Callable[[int, Path], None]
"""Number of a frame, from 0, and the file to write."""


def frame_writer(open_file: Opener) -> WriteFrame:
    """A function that writes single frames of a DICOM file, which is read once.

    The header stays, with its UIDs: results refer to the original instance and the frame's number
    in it. Both raise UnreadableScan for a damaged file, the function StorageFull, too.
    """
    with _damage_reported(), open_file() as file:
        dataset = dcmread(file, force=True)
        encapsulated = dataset.file_meta.TransferSyntaxUID.is_encapsulated
        streams = _streams(dataset) if encapsulated else []

    def write(number: int, out: Path) -> None:
        with _damage_reported():
            frame = _single(dataset, number)
            value = encapsulate([streams[number]]) if encapsulated else _native(dataset, number)
            frame["PixelData"] = copy.copy(dataset["PixelData"])
            frame["PixelData"].value = value
            with out.open("wb") as file, raising_storage_full():
                dcmwrite(file, frame, enforce_file_format=True)

    return write


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except TesseraError:
        raise
    except Exception as error:  # pydicom raises many kinds for a damaged file
        raise UnreadableScan(
            "A frame cannot be read from the DICOM file.",
            expected="Pixel data with every frame that Number of Frames states (PS3.3, C.7.6.6).",
            hint="Export the image again.",
        ) from error


def _single(dataset: Dataset, number: int) -> Dataset:
    """The header of one frame, without pixel data."""
    frame = Dataset({tag: dataset.get_item(tag) for tag in dataset.keys() if tag >> 16 != 0x7FE0})  # noqa: SIM118
    frame.file_meta = copy.copy(dataset.file_meta)
    frame.set_original_encoding(
        dataset.original_encoding[0], dataset.original_encoding[1], dataset.original_character_set
    )
    frame.preamble = b"\0" * 128
    frame.NumberOfFrames = 1
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups:
        frame.PerFrameFunctionalGroupsSequence = Sequence([groups[number]])
    return frame


def _streams(dataset: Dataset) -> list[bytes]:
    offsets = [dataset.get(f"ExtendedOffsetTable{end}") for end in ("", "Lengths")]
    return list(
        generate_frames(
            dataset.PixelData,
            number_of_frames=int(dataset.get("NumberOfFrames") or 1),
            extended_offsets=(offsets[0], offsets[1]) if all(offsets) else None,
        )
    )


def _native(dataset: Dataset, number: int) -> bytes:
    """Bytes of one frame of even length; with 1 bit, a frame may begin within a byte (8.1.1).

    Reads these bytes alone, and those around them that share a pair of swapped bytes.
    """
    data, in_pairs = dataset.PixelData, in_swapped_pairs(dataset, dataset["PixelData"].VR)
    if int(dataset.BitsAllocated) == 1:
        pixels = int(dataset.Rows) * int(dataset.Columns)
        start = number * pixels
        part = np.frombuffer(data, np.uint8)[start // 8 : -(-(start + pixels) // 8)]
        bits = np.unpackbits(part, bitorder="little")[start % 8 :][:pixels]
        content = np.packbits(bits, bitorder="little").tobytes()
    else:
        size = native_size(dataset) // int(dataset.get("NumberOfFrames") or 1)
        start = number * size
        first, whole = pairs_around(start, size) if in_pairs else (start, size)
        content = data[first : first + whole]
        if in_pairs:
            content = swapped(content)[start - first :][:size]
    content += b"\0" * (len(content) % 2)
    return swapped(content) if in_pairs else content
