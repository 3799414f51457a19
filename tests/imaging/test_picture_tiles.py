"""Tiles of a picture: every pixel once, each level half of the next, in flat memory."""

import io
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from imaging.box import Box
from imaging.errors import BadRequest, NotFound
from imaging.picture_tiles import name_of, write_image_tiles, write_mask_tiles
from imaging.scan import in_memory
from imaging.tile_levels import TILE, TileLevels

SIZES = [(1, 1), (512, 512), (513, 512), (700, 1301), (1, 3000), (1025, 1025)]


def put_together(path: Path, levels: TileLevels, level: int) -> np.ndarray:
    """The whole level, from its tiles."""
    rows, columns = levels.size(level)
    whole = np.zeros((rows, columns, 3), np.uint8)
    with ZipFile(path) as tiles:
        for row in range(-(-rows // TILE)):
            for column in range(-(-columns // TILE)):
                with Image.open(io.BytesIO(tiles.read(name_of(level, row, column)))) as tile:
                    whole[levels.tile(level, row, column).slices] = np.asarray(tile)
    return whole


def numbers_of(pixels: np.ndarray) -> np.ndarray:
    wide = pixels.astype(np.uint32)
    return wide[..., 0] + 256 * wide[..., 1] + 65_536 * wide[..., 2]


@pytest.mark.parametrize("size", SIZES)
def test_a_mask_keeps_its_numbers(size: tuple[int, int], tmp_path: Path) -> None:
    mask = np.random.default_rng(0).integers(0, 1 << 24, size, dtype=np.uint32)
    seen: list[float] = []
    write_mask_tiles(mask, tmp_path / "tiles", tmp_path, seen.append)
    levels = TileLevels(*size)
    for level in levels.downwards():
        step = 1 << (levels.full - level)
        whole = numbers_of(put_together(tmp_path / "tiles", levels, level))
        np.testing.assert_array_equal(whole, mask[::step, ::step])
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with ZipFile(tmp_path / "tiles") as tiles:
        assert len(tiles.namelist()) == sum(map(levels.tiles, levels.downwards()))
    assert max(levels.size(levels.smallest)) <= TILE


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("components", [1, 2, 3])
def test_an_image_looks_the_same_in_every_size(
    size: tuple[int, int], components: int, tmp_path: Path
) -> None:
    rows, columns = np.indices(size)
    wave = 125 + 60 * np.sin(rows / 90) + 40 * np.cos(columns / 70)
    values = np.stack([wave, wave + 20, wave - 20][:components]).round().astype(np.uint8)
    write_image_tiles(in_memory(values), tmp_path / "tiles", tmp_path, lambda _: None)
    levels = TileLevels(*size)
    shown = values if components == 3 else np.repeat(values[:1], 3, 0)
    for level in levels.downwards():
        whole = put_together(tmp_path / "tiles", levels, level).astype(int)
        step = 1 << (levels.full - level)
        middle = shown[:, step // 2 :: step, step // 2 :: step]
        height, width = middle.shape[1:]
        off = np.abs(np.moveaxis(middle, 0, -1).astype(int) - whole[:height, :width])
        assert off.max(initial=0) <= 3 + step, level


def test_other_values_than_bytes_are_shown_between_two_percentiles(tmp_path: Path) -> None:
    values = np.linspace(-1000, 3000, 600 * 600).reshape(1, 600, 600).astype(np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    write_image_tiles(in_memory(values), tmp_path / "tiles", tmp_path, lambda _: None)
    levels = TileLevels(600, 600)
    whole = put_together(tmp_path / "tiles", levels, levels.full)
    assert whole[1].max() <= 8
    assert whole[-1].min() >= 247
    assert abs(int(whole[300, 300, 0]) - 128) <= 8


def test_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    mask = np.full((4, 4), 1 << 24, np.uint32)
    with pytest.raises(BadRequest, match="too many objects"):
        write_mask_tiles(mask, tmp_path / "tiles", tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_volume_has_no_tiles(tmp_path: Path) -> None:
    volume = in_memory(np.zeros((1, 4, 4, 4), np.uint8))
    with pytest.raises(BadRequest, match="volume"):
        write_image_tiles(volume, tmp_path / "tiles", tmp_path, lambda _: None)


def test_tiles_outside() -> None:
    levels = TileLevels(700, 1301)
    assert levels.tile(11, 1, 2) == Box((512, 1024), (700, 1301))
    for level, row, column in [(11, 2, 0), (11, 0, 3), (12, 0, 0), (8, 0, 0), (11, -1, 0)]:
        with pytest.raises(NotFound):
            levels.tile(level, row, column)
