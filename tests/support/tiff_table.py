"""What Tessera reads of TIFF, tried with a file for each case: the tables of the documentation.

`python -m tests.support.tiff_table` prints them as Markdown.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from imaging.box import Box
from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.sniff import open_scan
from tests.support import tiff_files

Table = Callable[[], Iterator[str]]

_BITS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64)
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_KINDS: tuple[tuple[str, int, int, int, dict[str, Any]], ...] = (
    ("BlackIsZero, unsigned", 1, 1, _UNSIGNED, {}),
    ("BlackIsZero, signed", 1, 1, _SIGNED, {}),
    ("BlackIsZero, floating point", 1, 1, _FLOAT, {}),
    ("WhiteIsZero, unsigned", 0, 1, _UNSIGNED, {}),
    ("WhiteIsZero, signed", 0, 1, _SIGNED, {}),
    ("WhiteIsZero, floating point", 0, 1, _FLOAT, {}),
    ("RGB", 2, 3, _UNSIGNED, {}),
    ("Palette", 3, 1, _UNSIGNED, {}),
    ("CMYK", 5, 4, _UNSIGNED, {}),
    ("YCbCr, no subsampling", 6, 3, _UNSIGNED, {"tag_530": [1, 1]}),
    ("Transparency mask", 4, 1, _UNSIGNED, {}),
    ("CIE L\\*a\\*b\\*", 8, 3, _UNSIGNED, {}),
    ("Colour filter array", 32803, 1, _UNSIGNED, {}),
    ("LogL", 32844, 1, _SIGNED, {}),
    ("Linear raw", 34892, 3, _UNSIGNED, {}),
)
_TIFFFILE = ("none", "lzw", "zlib", "packbits", "lzma", "zstd", "lerc", "png", "jpeg", "jpeg2000",
             "jpegxl", "jpegxr", "webp")  # fmt: skip
_PILLOW = {"tiff_ccitt": "ccitt rle", "group3": "ccitt group 3", "group4": "ccitt group 4"}


def samples() -> Iterator[str]:
    """The table of photometric interpretations and bits: the type of the scan's values."""
    yield f"| interpretation | {' | '.join(map(str, _BITS))} |"
    yield "|---" * (len(_BITS) + 1) + "|"
    for name, photometric, count, sample_format, more in _KINDS:
        cells = (_read_as(bits, photometric, count, sample_format, more) for bits in _BITS)
        yield f"| {name} | {' | '.join(cells)} |"


def _read_as(
    bits: int, photometric: int, count: int, sample_format: int, more: dict[str, Any]
) -> str:
    values = np.zeros((4, 6, count), np.uint64)
    stored = values.astype(f"u{max(1, bits // 8)}") if bits in (8, 16, 32, 64) else values
    tags = more | {"tag_339": [sample_format] * count}
    if photometric == 3 and bits <= 16:
        tags |= {"tag_320": [0] * (3 << bits)}
    return _opened(tiff_files.tiff(tiff_files.page(stored, bits, photometric, **tags)))


def _opened(data: bytes) -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            scan = open_scan(Path(file.name))
        except (UnreadableScan, UnsupportedScan):
            return "—"
        return scan.read(Box.whole(scan.grid)).dtype.name


def compressions() -> Iterator[str]:
    """The table of compressions: as strips and as tiles."""
    yield "| compression | strips | tiles |"
    yield "|---|---|---|"
    for name in _TIFFFILE:
        yield f"| {name} | {_tried(name, None)} | {_tried(name, (16, 16))} |"
    for name, title in _PILLOW.items():
        yield f"| {title} | {_tried_bilevel(name)} | |"


def _pixels() -> np.ndarray:
    return np.repeat(np.repeat(np.arange(0, 240, 5).reshape(4, 4, 3), 8, 0), 8, 1).astype(np.uint8)


def _tried(compression: str, tile: tuple[int, int] | None) -> str:
    """`exact` or `lossy`, if the scan is what tifffile decodes."""
    stored = _pixels()
    with tempfile.NamedTemporaryFile() as file:
        tifffile.imwrite(
            file.name, stored, photometric="rgb", tile=tile, metadata=None,
            compression=None if compression == "none" else compression,
        )  # fmt: skip
        scan = open_scan(Path(file.name))
        got = np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
        if not np.array_equal(got, tifffile.imread(file.name)):
            return "wrong"
        return "exact" if np.array_equal(got, stored) else "lossy"


def _tried_bilevel(compression: str) -> str:
    stored = _pixels()[..., 0] > 100
    with tempfile.NamedTemporaryFile(suffix=".tif") as file:
        Image.fromarray(stored).save(file.name, compression=compression)
        scan = open_scan(Path(file.name))
        return (
            "exact" if np.array_equal(scan.read(Box.whole(scan.grid))[0] > 0, stored) else "wrong"
        )


if __name__ == "__main__":
    sys.stdout.write("\n".join([*samples(), "", *compressions(), ""]))
