"""Metadata that is large, or becomes large once it is unpacked: refused at once, or never read.

What is accepted can be read, and a reader never holds much more than the file and the pixels.
"""

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import pytest
from PIL import Image

from imaging.box import Box
from imaging.errors import TesseraError, UnsupportedScan
from imaging.formats.sniff import open_scan, verify

PIXELS = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
BOMB_BYTES = 1 << 26
MOST_BYTES = 1 << 25
"""That reading may take; the bombs take twice as much."""


def _png(chunks: bytes, behind: bool, grey16: bool) -> bytes:
    plain = PIXELS[..., 0].astype(np.uint16) * 257 if grey16 else PIXELS
    data = bytes(imagecodecs.png_encode(plain))
    at = len(data) - 12 if behind else data.index(b"IDAT") - 4
    return data[:at] + chunks + data[at:]


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + name + data + check


def _jpeg(segments: bytes, behind_frame: bool = False) -> bytes:
    stream = BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG")
    data = stream.getvalue()
    at = data.index(b"\xff\xda") if behind_frame else 2
    return data[:at] + segments + data[at:]


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">2BH", 0xFF, marker, len(data) + 2) + data


def _nifti() -> bytes:
    return bytes(nibabel.Nifti1Image(np.zeros((8, 8, 8), np.int16), np.eye(4)).to_bytes())


def _bombs() -> Iterator[tuple[str, bytes]]:
    packed = zlib.compress(bytes(BOMB_BYTES), 9)
    texts = {
        b"zTXt": b"k\0\0" + packed,
        b"iTXt": b"k\0\1\0\0\0" + packed,
        b"iCCP": b"k\0\0" + packed,
        b"eXIf": b"II*\0\x08\0\0\0" + b"\xff" * 10_000,
    }
    for name, data in texts.items():
        for behind in (False, True):
            for grey16 in (False, True):
                title = f"png {name.decode()} {behind=} {grey16=}"
                yield title, _png(_chunk(name, data), behind, grey16)
    exif = _segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + bytes(60_000))
    yield "jpeg exif", _jpeg(exif * 500)
    yield "jpeg exif behind the frame header", _jpeg(exif * 500, behind_frame=True)
    yield "jpeg many small exif", _jpeg(_segment(0xE1, b"Exif\0\0" + bytes(9)) * 20_000)
    yield "jpeg comments", _jpeg(_segment(0xFE, bytes(60_000)) * 500)
    nifti = _nifti()
    extension = struct.pack("<2i", BOMB_BYTES, 6) + bytes(BOMB_BYTES - 8)
    head = bytearray(nifti[:348]) + b"\1\0\0\0"
    head[108:112] = struct.pack("<f", 352 + BOMB_BYTES)
    yield "nifti extension", gzip.compress(bytes(head) + extension + nifti[352:], 9)
    yield "nifti tail", gzip.compress(nifti + bytes(BOMB_BYTES), 9)
    volume = nibabel.MGHImage(np.zeros((8, 8, 8), np.float32), np.eye(4)).to_bytes()
    tags = struct.pack(">iq", 3, 1 << 40)
    yield "mgz tags", gzip.compress(volume + tags + bytes(BOMB_BYTES), 9)
    nrrd = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 8 8 8\nencoding: gzip\n\n"
    yield "nrrd tail", nrrd + gzip.compress(bytes(512 + BOMB_BYTES), 9)


@pytest.mark.slow
def test_bombs(tmp_path: Path) -> None:
    for title, content in _bombs():
        path = tmp_path / "scan"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            verify(path)
        except TesseraError:
            pass
        else:
            scan = open_scan(path)
            scan.read(Box.whole(scan.grid))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - len(content) < MOST_BYTES, title


def test_much_metadata_of_a_jpeg_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    path.write_bytes(_jpeg(_segment(0xE2, bytes(60_000)) * 500))
    with pytest.raises(UnsupportedScan, match="too much text, profiles or other metadata"):
        verify(path)
    path.write_bytes(_jpeg(_segment(0xE2, b"ICC_PROFILE\0" + bytes(60_000)) * 250))
    verify(path)
