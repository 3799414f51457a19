"""Where the bytes of each frame are in a file, so that single frames are read from large images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import unpack
from typing import BinaryIO

from pydicom import Dataset, dcmread

from imaging.errors import UnreadableScan
from imaging.formats.dicom.byte_pairs import in_swapped_pairs, pairs_around, swapped
from imaging.formats.dicom.instance import Instance, Opener
from imaging.formats.dicom.pixel_description import native_size

_VRS = (b"OB", b"OW")
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_TAGS = ("NumberOfFrames", "ExtendedOffsetTable", "ExtendedOffsetTableLengths")

Span = tuple[int, int]
"""Offset in the file, and number of bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameBytes:
    """Reads single frames; holds the places of their bytes, not the bytes."""

    open: Opener
    frames: Sequence[Sequence[Span]]
    """For each frame, its fragments; one for an uncompressed frame."""
    pairs_from: int | None = None
    """Where pixels begin whose bytes are stored in swapped pairs; None: they are not."""

    @classmethod
    def of(cls, instance: Instance) -> "FrameBytes":
        """Finds the frames of an instance; raises UnreadableScan."""
        try:
            with instance.open() as file:
                header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*_TAGS])
                syntax = header.file_meta.TransferSyntaxUID
                vr = file.read(12)[4:6]  # tag, VR and length; implicit VR has no VR
                if vr not in _VRS:
                    file.seek(-4, 1)
                if not syntax.is_encapsulated:
                    start = file.tell()
                    in_pairs = in_swapped_pairs(instance.header, vr.decode("latin-1"))
                    pairs_from = start if in_pairs else None
                    return cls(instance.open, _native(instance, start), pairs_from)
                return cls(instance.open, _encapsulated(header, file, instance.number_of_frames))
        except Exception as error:  # pydicom raises many kinds for a damaged file
            raise _undivided() from error

    def read(self, number: int) -> bytes:
        """The bytes of a frame, from 0, in the order of its pixels."""
        with self.open() as file:
            if self.pairs_from is not None:
                return self._swapped(file, *self.frames[number][0])
            return b"".join(_at(file, *span) for span in self.frames[number])

    def _swapped(self, file: BinaryIO, offset: int, size: int) -> bytes:
        begin = self.pairs_from or 0
        first, whole = pairs_around(offset - begin, size)
        data = _at(file, begin + first, whole)
        return swapped(data + b"\0" * (len(data) % 2))[offset - begin - first :][:size]


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _native(instance: Instance, start: int) -> list[list[Span]]:
    count = instance.number_of_frames
    size = native_size(instance.header) // count
    return [[(start + number * size, size)] for number in range(count)]


def _encapsulated(header: Dataset, file: BinaryIO, count: int) -> list[list[Span]]:
    """The fragments of each frame, by the offset table, or one for each (PS3.5, A.4)."""
    table, *fragments = _items(file)
    file.seek(table[0])
    begin = table[0] + table[1]  # offsets are relative to the first fragment's item tag
    extended = header.get("ExtendedOffsetTable")
    if extended:
        offsets = list(unpack(f"<{len(extended) // 8}Q", extended))
    else:
        offsets = list(unpack(f"<{table[1] // 4}I", file.read(table[1])))
    if len(offsets) != count:
        if len(fragments) != count:
            raise ValueError("The frames are not told apart.")
        return [[span] for span in fragments]
    places = {span[0] - 8 - begin: number for number, span in enumerate(fragments)}
    starts = [*(places.get(offset, -1) for offset in offsets), len(fragments)]
    if -1 in starts or any(a >= b for a, b in pairwise(starts)):
        raise ValueError("The offset table is damaged.")
    return [fragments[a:b] for a, b in pairwise(starts)]


def _items(file: BinaryIO) -> Iterator[Span]:
    """The items of encapsulated pixel data, in order: the offset table, then the fragments."""
    while (head := file.read(8))[:4] == _ITEM:
        size = int.from_bytes(head[4:], "little")
        yield file.tell(), size
        file.seek(size, 1)
    if head[:4] != _SEQUENCE_END:
        raise EOFError("The pixel data is truncated.")


def _undivided() -> UnreadableScan:
    return UnreadableScan(
        "The frames of the image cannot be told apart in its pixel data.",
        expected="One fragment for each frame, or a valid offset table (PS3.5, A.4).",
        hint="Export the image again.",
    )
