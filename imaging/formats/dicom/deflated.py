"""Deflated data sets (PS3.5, A.5), inflated in pieces: libraries inflate them at once."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from pydicom import FileDataset, dcmread
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import Tag
from pydicom.uid import UID, AllTransferSyntaxes

from imaging.errors import ScanTooLarge

MAX_INFLATED_BYTES = 1 << 28
"""Largest inflated data set: as `Limits.max_pixels` of an image that must be decoded as a whole.
Where pixels are decoded, libraries hold it in memory twice."""
MAX_HEADER_BYTES = 1 << 26
"""Largest part of it before the pixel data."""
PIXEL_DATA = (0x7FE00010, 0x7FE00008, 0x7FE00009)
"""Pixel Data, Float Pixel Data, Double Float Pixel Data."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class DeflatedFile:
    """The beginning of a deflated data set, and its size."""

    preamble: bytes | None
    meta: Any
    """The data set of the file meta information."""
    head: BytesIO
    """The first MAX_HEADER_BYTES, inflated."""
    size: int
    """Bytes of the whole data set, inflated."""

    @classmethod
    def of(cls, file: BinaryIO) -> "DeflatedFile | None":
        """None for a file, which is at its start, that is not deflated.

        Raises ScanTooLarge where it inflates to more than MAX_INFLATED_BYTES, and whatever pydicom
        and zlib raise for a damaged file.
        """
        preamble = read_preamble(file, force=True)
        meta = read_dataset(file, False, True, stop_when=lambda tag, _, __: tag.group != 2)
        syntax = UID(str(meta.get("TransferSyntaxUID", "")))
        if syntax not in AllTransferSyntaxes or not syntax.is_deflated:
            return None
        head, size = BytesIO(), 0
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflating.eof and (chunk := inflating.unconsumed_tail or file.read(_CHUNK)):
            piece = inflating.decompress(chunk, _CHUNK)
            size += len(piece)
            if size > MAX_INFLATED_BYTES:
                raise _too_large("file", MAX_INFLATED_BYTES)
            head.write(piece[: max(0, MAX_HEADER_BYTES - head.tell())])
        head.seek(0)
        return cls(preamble, meta, head, size)

    def header(self, tags: Sequence[int | str] | None = None) -> FileDataset:
        """All attributes before the pixel data, or those of `tags`; leaves `head` at its end.

        Raises ScanTooLarge above MAX_HEADER_BYTES.
        """
        dataset = read_dataset(
            self.head,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=lambda tag, _, __: tag in PIXEL_DATA,
            specific_tags=None if tags is None else [*map(Tag, tags)],
        )
        if self.head.tell() >= MAX_HEADER_BYTES:
            raise _too_large("header", MAX_HEADER_BYTES)
        header = FileDataset("", dataset, self.preamble, self.meta, False, True)
        header.set_original_encoding(False, True, dataset.original_character_set)
        return header


def check_inflated_size(file: BinaryIO) -> None:
    """Raises as `DeflatedFile.of` for a file, which is at its start."""
    DeflatedFile.of(file)


def read_header(
    file: BinaryIO, tags: Sequence[int | str] | None = None, *, force: bool = False
) -> FileDataset:
    """As pydicom's `dcmread` with `stop_before_pixels`, also of a deflated file.

    The file is at its start. Raises ScanTooLarge, and what pydicom raises for a damaged file.
    """
    deflated = DeflatedFile.of(file)
    if deflated is not None:
        return deflated.header(tags)
    file.seek(0)
    specific = None if tags is None else [*map(Tag, tags)]
    return dcmread(file, stop_before_pixels=True, force=force, specific_tags=specific)


def _too_large(part: str, most: int) -> ScanTooLarge:
    return ScanTooLarge(
        f"The {part} of a deflated DICOM file is too large once inflated.",
        expected=f"At most {most:,} bytes.",
        hint="Export it in another transfer syntax.",
    )
