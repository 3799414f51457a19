"""Opens and verifies PNG images (W3C Portable Network Graphics, third edition)."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.formats.limits import Limits
from imaging.formats.raster import (
    ALPHA_IGNORED,
    Layout,
    damaged,
    decoded_as_a_whole,
    unsupported,
)
from imaging.scan import Scan

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_BYTES = 1 << 20
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type; clause 11.2.1
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""x and y start, x and y step of each interlace pass; clause 8.1."""


@dataclass(frozen=True, slots=True)
class _Header:
    columns: int
    rows: int
    bits: int
    colour: int
    interlaced: bool

    @property
    def inflated_bytes(self) -> int:
        """Bytes of all scanlines, each with its filter byte (clause 7.2)."""
        passes = _ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        depth = self.bits * _CHANNELS[self.colour]
        total = 0
        for x, y, across, down in passes:
            columns = max(0, -(-(self.columns - x) // across))
            rows = max(0, -(-(self.rows - y) // down))
            total += rows * (1 + -(-columns * depth // 8)) if columns else 0
        return total


@dataclass(slots=True)
class _PixelCounter:
    """Inflates IDAT data and counts its bytes, without keeping them."""

    left: int
    """Bytes that are still missing; negative where there are too many."""
    stream: Any = field(default_factory=zlib.decompressobj)

    def feed(self, data: bytes) -> None:
        try:
            while data and not self.stream.eof and self.left >= -_CHUNK_BYTES:
                self.left -= len(self.stream.decompress(data, _CHUNK_BYTES))
                data = self.stream.unconsumed_tail
        except zlib.error as error:
            raise damaged("The image is damaged.") from error


def open_png(path: Path, limits: Limits) -> Scan:
    """The image at `path`; reads the header and the beginnings of the chunks, no pixels."""
    with path.open("rb") as file:
        header = _header(file)
        chunks = _chunks(file)
    if _is_animated(chunks):
        raise unsupported("The image is animated.")
    warnings = (ALPHA_IGNORED,) if header.colour in (4, 6) or b"tRNS" in chunks else ()
    deep = header.bits == 16
    layout = Layout(
        format="png",
        rows=header.rows,
        columns=header.columns,
        components=3 if header.colour in (2, 3, 6) else 1,
        dtype=np.dtype(np.uint16 if deep else np.uint8),
        warnings=warnings,
    )
    return decoded_as_a_whole(layout, lambda: _decode(path, layout), limits)


def verify_png(path: Path, limits: Limits) -> Scan:
    """As open_png, and verifies every chunk's checksum and that all scanlines are present.

    The pixels are inflated and counted in small parts and never held as a whole.
    """
    scan = open_png(path, limits)
    with path.open("rb") as file:
        pixels = _PixelCounter(_header(file).inflated_bytes)
        file.seek(len(SIGNATURE))
        _verify_chunks(file, pixels)
    if not -_CHUNK_BYTES <= pixels.left <= 0:  # decoders ignore a few extra bytes
        raise damaged("The image has fewer or far more pixels than its header promises.")
    return scan


def _header(file: IO[bytes]) -> _Header:
    file.seek(len(SIGNATURE))
    start = file.read(25)
    if len(start) < 25:
        raise damaged("The image ends inside its header.")
    if start[4:8] != b"IHDR":
        raise damaged("The image does not begin with its header.")
    columns, rows, bits, colour, _, _, interlace = struct.unpack(">IIBBBBB", start[8:21])
    if colour not in _CHANNELS or bits not in (1, 2, 4, 8, 16) or interlace > 1:
        raise damaged("The image's header is damaged.")
    return _Header(columns, rows, bits, colour, bool(interlace))


def _chunks(file: IO[bytes]) -> dict[bytes, bytes]:
    """The chunks before the pixels: name -> the first four bytes of the content."""
    chunks: dict[bytes, bytes] = {}
    file.seek(len(SIGNATURE))
    while len(start := file.read(8)) == 8 and start[4:8] != b"IDAT":
        if start[4:8] == b"IHDR" and chunks:  # decoders take the size from the last one
            raise damaged("The image has more than one header.")
        size = int.from_bytes(start[:4], "big")
        chunks[start[4:8]] = content = file.read(min(size, 4))
        file.seek(size - len(content) + 4, 1)
    return chunks


def _is_animated(chunks: dict[bytes, bytes]) -> bool:
    """Whether the file holds more than one image (PNG, third edition, 11.3.6.1 and 4.9).

    The image is the first frame of an animation where a frame control chunk precedes its pixels. A
    count of 0 frames is not valid, and decoders ignore it.
    """
    frames = int.from_bytes(chunks.get(b"acTL", b""), "big")
    return frames > 1 or (frames == 1 and b"fcTL" not in chunks)


def _verify_chunks(file: IO[bytes], pixels: _PixelCounter) -> None:
    for name, data, intact in _parts(file):
        if not intact:
            raise damaged("The image is cut off or damaged.")
        if name == b"IDAT":
            pixels.feed(data)
        if name == b"IEND":
            return
    raise damaged("The image is cut off.")


def _parts(file: IO[bytes]) -> Iterator[tuple[bytes, bytes, bool]]:
    """(chunk name, part of its data, intact so far); an empty part ends each chunk."""
    while len(start := file.read(8)) == 8:
        left, name, check = int.from_bytes(start[:4], "big"), start[4:8], zlib.crc32(start[4:8])
        while left:
            data = file.read(min(left, _CHUNK_BYTES))
            if not data:
                yield name, b"", False
                return
            left -= len(data)
            check = zlib.crc32(data, check)
            yield name, data, True
        yield name, b"", file.read(4) == check.to_bytes(4, "big")


def _decode(path: Path, layout: Layout) -> NDArray[Any]:
    data = _critical_chunks(path.read_bytes())
    if layout.dtype == np.uint16:  # Pillow would cut 16-bit colour down to 8 bits
        pixels: NDArray[Any] = imagecodecs.png_decode(data)
        pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
        return pixels[..., : layout.components]
    with Image.open(BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB" if layout.components == 3 else "L"))


def _critical_chunks(data: bytes) -> bytes:
    """The file without its ancillary chunks (clause 5.4), which no pixel depends on, transparency
    aside. Decoders refuse an image for a text that is too long, or a colour profile that is
    compressed by an unknown method.
    """
    view, at = memoryview(data), len(SIGNATURE)  # slices of it are no copies
    kept = [view[:at]]
    while at < len(data):
        end = at + 12 + int.from_bytes(view[at : at + 4], "big")
        if not bytes(view[at + 4 : at + 5]).islower():
            kept.append(view[at:end])
        at = end
    return data if sum(map(len, kept)) == len(data) else b"".join(kept)
