"""JPEG tiles of a TIFF: the pixels are tifffile's, wherever they are decoded."""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats.sniff import open_scan, verify
from imaging.formats.tiff.jpeg_tile import jpeg_tile

RGB, YCBCR = 2, 6
PIXELS = np.random.default_rng(5).integers(0, 255, (6, 7, 3), np.uint8).repeat(16, 0).repeat(16, 1)


def saved(path: Path, **options: Any) -> Path:
    whole = {"photometric": "rgb", "compression": "jpeg", "metadata": None, "tile": (48, 80)}
    tifffile.imwrite(path, options.pop("pixels", PIXELS), **(whole | options))
    return path


def first_tile(path: Path) -> NDArray[np.uint8] | None:
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        file.filehandle.seek(page.dataoffsets[0])
        return jpeg_tile(page, page, file.filehandle.read(page.databytecounts[0]))


def read(path: Path) -> NDArray[Any]:
    """(row, column, c)"""
    scan = verify(path)
    return np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)


@pytest.mark.parametrize("tile", [(48, 80), (16, 16), (64, 128)])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_pixels_are_those_of_tifffile(
    tmp_path: Path, tile: tuple[int, int], subsampling: tuple[int, int]
) -> None:
    path = saved(tmp_path / "a", tile=tile, subsampling=subsampling)
    decoded = first_tile(path)
    assert decoded is not None
    assert np.array_equal(read(path), tifffile.imread(path))


@pytest.mark.parametrize("tile", [(48, 80), (32, 48), (256, 256)])
def test_no_row_begins_where_the_decoder_is_slow(tmp_path: Path, tile: tuple[int, int]) -> None:
    decoded = first_tile(saved(tmp_path / "a", tile=tile))
    assert decoded is not None
    assert all(row.ctypes.data % 32 for row in decoded)


@pytest.mark.parametrize("photometric", [RGB, YCBCR])
@pytest.mark.parametrize("jfif", [True, False])
def test_the_colours_that_the_streams_are_coded_in(
    tmp_path: Path, photometric: int, jfif: bool
) -> None:
    tile = bytes(imagecodecs.jpeg_encode(PIXELS, level=95))
    if not jfif:  # the segment after the start
        length = int.from_bytes(tile[4:6], "big")
        tile = tile[:2] + tile[4 + length :]
    path = tmp_path / "a"
    with tifffile.TiffWriter(path) as file:
        file.write(
            iter([tile]), shape=PIXELS.shape, dtype=np.uint8, tile=PIXELS.shape[:2],
            photometric=photometric, compression="jpeg", metadata=None,
        )  # fmt: skip
    assert first_tile(path) is not None
    assert np.array_equal(read(path), tifffile.imread(path))


@pytest.mark.parametrize(
    "options",
    [
        {"pixels": PIXELS[..., 0], "photometric": "minisblack"},
        {"planarconfig": "separate", "pixels": np.moveaxis(PIXELS, -1, 0)},
        {"compression": "zlib"},
        {"tile": None},
    ],
    ids=str,
)
def test_others_are_left_to_tifffile(tmp_path: Path, options: dict[str, Any]) -> None:
    path = saved(tmp_path / "a", **options)
    assert first_tile(path) is None
    stored = tifffile.imread(path)
    expected = np.moveaxis(stored, 0, -1) if options.get("planarconfig") else stored
    assert np.array_equal(read(path).squeeze(), expected)


def test_a_tile_that_is_cropped_at_the_edge(tmp_path: Path) -> None:
    """Its stream states fewer pixels than the tags."""
    path = tmp_path / "a"
    left, right = PIXELS[:, :80], PIXELS[:, 80:]
    with tifffile.TiffWriter(path) as file:
        file.write(
            (bytes(imagecodecs.jpeg_encode(part)) for part in (left, right)),
            shape=PIXELS.shape, dtype=np.uint8, tile=(96, 80), photometric="rgb",
            compression="jpeg", metadata=None,
        )  # fmt: skip
    assert np.array_equal(read(path), tifffile.imread(path))


def test_a_truncated_tile_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a", tile=(96, 112))
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        end = page.dataoffsets[0] + page.databytecounts[0]
    data = bytearray(path.read_bytes())
    data[end - 40 : end] = bytes(40)
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableScan):
        verify(path)
    scan = open_scan(path)
    with pytest.raises(UnreadableScan):
        scan.read(Box.whole(scan.grid))
