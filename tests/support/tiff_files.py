"""TIFF files written tag by tag (TIFF 6.0, section 2), for layouts that no writer offers."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION = 256, 257, 258, 259, 262, 270
OFFSETS, SAMPLES, ROWS_PER_STRIP, COUNTS = 273, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANAR, UNIT, PREDICTOR, COLORMAP = 282, 283, 284, 296, 317, 320
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, EXTRA, FORMAT = 322, 323, 324, 325, 338, 339
SUBFILE, FILL_ORDER, SUBIFDS = 254, 266, 330

MCU_STARTS = 65426
_LONG_TAGS = (
    SUBIFDS,
    MCU_STARTS,
    WIDTH,
    LENGTH,
    ROWS_PER_STRIP,
    SUBFILE,
    OFFSETS,
    COUNTS,
    TILE_OFFSETS,
    TILE_COUNTS,
)


def tiff(
    *pages: tuple[Mapping[int, Any], Sequence[bytes]], order: str = "<", ndpi: bool = False
) -> bytes:
    """A TIFF of pages, each of its tags and its strips, or tiles if it has a TileWidth.

    `ndpi`: offsets of directories have 8 bytes, and the upper halves of the tags' values follow.
    """
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(8 if ndpi else 4))
    link = 4
    for tags, segments in pages:
        tiled = TILE_WIDTH in tags
        offsets = []
        for segment in segments:
            offsets.append(len(out))
            out += segment + bytes(len(segment) % 2)
        own = dict(tags)
        own[TILE_OFFSETS if tiled else OFFSETS] = offsets
        own[TILE_COUNTS if tiled else COUNTS] = [len(segment) for segment in segments]
        entries = [_entry(out, tag, own[tag], order) for tag in sorted(own)]
        struct.pack_into(f"{order}I", out, link, len(out))
        out += struct.pack(f"{order}H", len(entries)) + b"".join(entries)
        link = len(out)
        out += bytes(8 + 4 * len(entries) if ndpi else 4)
    return bytes(out)


def _entry(out: bytearray, tag: int, value: Any, order: str) -> bytes:
    """The entry of a directory; a value of more than four bytes is appended to the file."""
    kind, count, data = _encoded(tag, value, order)
    if len(data) > 4:
        at = len(out)
        out += data + bytes(len(data) % 2)
        data = struct.pack(f"{order}I", at)
    return struct.pack(f"{order}HHI", tag, kind, count) + data.ljust(4, b"\0")


def _encoded(tag: int, value: Any, order: str) -> tuple[int, int, bytes]:
    """Type, count and bytes: text, bytes (UNDEFINED), rationals (pairs), floats and integers."""
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return 2, len(text), text
    if isinstance(value, bytes):
        return 7, len(value), value
    values = list(value) if isinstance(value, Sequence) else [value]
    if isinstance(values[0], tuple):
        flat = [n for pair in values for n in pair]
        return 5, len(values), struct.pack(f"{order}{len(flat)}I", *flat)
    if isinstance(values[0], float):
        return 12, len(values), struct.pack(f"{order}{len(values)}d", *values)
    code, kind = ("I", 4) if tag in _LONG_TAGS else ("H", 3)
    return kind, len(values), struct.pack(f"{order}{len(values)}{code}", *values)


def page(
    values: np.ndarray, bits: int, photometric: int, **more: Any
) -> tuple[dict[int, Any], list[bytes]]:
    """Tags and the only strip of an uncompressed page of (row, column[, sample]) values."""
    rows, columns, samples = values.reshape(*values.shape[:2], -1).shape
    tags = {
        WIDTH: columns, LENGTH: rows, BITS: [bits] * samples, COMPRESSION: 1,
        PHOTOMETRIC: photometric, SAMPLES: samples, ROWS_PER_STRIP: rows,
    }  # fmt: skip
    tags |= {int(name.removeprefix("tag_")): value for name, value in more.items()}
    return tags, [packed(values.reshape(rows, -1), bits)]


def packed(rows: np.ndarray, bits: int) -> bytes:
    """Rows of unsigned samples of `bits` bits without gaps; each row begins at a byte. Whole bytes
    are little-endian."""
    if bits in (8, 16, 32, 64):
        return rows.astype(rows.dtype.newbyteorder("<")).tobytes()
    shifts = np.arange(bits - 1, -1, -1)
    lines = (rows.astype(np.uint64)[..., np.newaxis] >> shifts.astype(np.uint64)) & np.uint64(1)
    return np.packbits(lines.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()
