"""Preview pictures, pixel by pixel where it matters."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging.box import Box
from imaging.overlay import preview
from imaging.scan import Scan

RED, GREEN = "#ff0000", "#00ff00"


def volume(values: np.ndarray, affine: np.ndarray) -> Scan:
    return Scan(
        (1, *values.shape),
        values.dtype,
        affine,
        tuple(float(n) for n in np.linalg.norm(affine[:3, :3], axis=0)),
        "nifti",
        lambda box: values[box.slices][np.newaxis].copy(),
        values.shape,
    )


def picture(pixels: np.ndarray, spacing: None = None) -> Scan:
    """`pixels`: (c, row, column)."""

    def read(box: Box) -> np.ndarray:
        return pixels[:, *box.slices].copy()

    return Scan(pixels.shape, pixels.dtype, np.eye(4), spacing, "png", read, pixels.shape[1:])


def shown(scan: Scan, mask: np.ndarray, colors: dict[int, str], tmp_path: Path) -> np.ndarray:
    preview(scan, mask, colors, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as image:
        return np.asarray(image.convert("RGB")).astype(int)


def reddish(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 0] - pixels[..., 1] > 60) & (pixels[..., 0] - pixels[..., 2] > 60)


def greenish(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 1] - pixels[..., 0] > 60) & (pixels[..., 1] - pixels[..., 2] > 60)


def test_a_picture_bears_its_mask_in_place(tmp_path: Path) -> None:
    pixels = np.full((1, 60, 80), 100, np.uint8)
    pixels[0, :30] = 120
    mask = np.zeros((60, 80), np.uint8)
    mask[10:20, 30:50], mask[40:50, 5:10] = 1, 2
    got = shown(picture(pixels), mask, {1: RED, 2: GREEN}, tmp_path)
    assert got.shape == (60, 80, 3)
    assert np.array_equal(reddish(got), mask == 1)
    assert np.array_equal(greenish(got), mask == 2)
    assert got[10, 30].tolist() == [255, 0, 0]
    assert got[15, 40].tolist() != [255, 0, 0]
    assert (got[mask == 0].std(axis=-1) == 0).all()


def test_touching_objects_show_a_border_between_them(tmp_path: Path) -> None:
    pixels = np.full((3, 40, 40), 200, np.uint8)
    mask = np.zeros((40, 40), np.uint16)
    mask[10:30, 5:20], mask[10:30, 20:35] = 7, 900
    got = shown(picture(pixels), mask, {1: RED}, tmp_path)
    assert (got[15, 19] == (255, 0, 0)).all()
    assert (got[15, 20] == (255, 0, 0)).all()
    assert 100 < got[15, 12, 1] < 200
    assert (got[0, 0] == 200).all()


@pytest.mark.slow
def test_from_afar_many_objects_do_not_hide_the_picture(tmp_path: Path) -> None:
    """In each of the pixels shown lies an object of its own; a single one is seen all the same."""
    size = 1024 * 6
    pixels = np.full((3, size, size), 200, np.uint8)
    numbers = np.zeros((size, size), np.uint32)
    numbers[: size // 2 : 6, ::6] = np.arange(1, size // 12 * size // 6 + 1).reshape(-1, size // 6)
    numbers[5000, 5000] = 1_000_000
    got = shown(picture(pixels), numbers, {1: RED}, tmp_path)
    assert (got[100:400, 100:900, 1] > 50).all()
    assert (got[100:400, 100:900, 0] > got[100:400, 100:900, 1] + 20).all()
    assert (got[5000 // 6, 5000 // 6] == (255, 0, 0)).all()
    assert (got[-1, 0, 0] == got[-1, 0]).all()


def test_8_bit_colour_keeps_its_colours(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(90, 120, (3, 30, 20)).astype(np.uint8)
    got = shown(picture(pixels), np.zeros((30, 20), np.uint8), {}, tmp_path)
    assert np.array_equal(got, np.moveaxis(pixels, 0, -1))


@pytest.mark.parametrize("shape", [(3, 2500, 1300), (1, 1, 5000), (1, 3000, 2), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_a_large_picture_is_brought_to_1024_pixels(
    tmp_path: Path, shape: tuple[int, int, int], dtype: str
) -> None:
    pixels = np.zeros(shape, dtype)
    pixels[:, shape[1] // 2 :] = 77
    mask = np.zeros(shape[1:], np.uint8)
    mask[: max(1, shape[1] // 2), : max(1, shape[2] // 2)] = 1
    got = shown(picture(pixels), mask, {1: RED}, tmp_path)
    assert max(got.shape) <= 1024
    assert max(shape) < 1024 or max(got.shape) > 512
    assert reddish(got)[0, 0]
    if min(shape[1:]) > 10:
        mask[:] = 0
        mask[1111, 333] = 1
        assert reddish(shown(picture(pixels), mask, {1: RED}, tmp_path)).sum() == 1
        assert not reddish(got)[:, -1].any()
        assert got[-1, -1].min() > got[0, -1].max()
        assert abs(reddish(got).mean() - 0.25) < 0.01


@pytest.mark.parametrize("spot", [(2300, 3), (5, 1540), (2300, 1540), (0, 0)])
def test_the_last_rows_and_columns_are_shown(tmp_path: Path, spot: tuple[int, int]) -> None:
    """2301 x 1541 pixels, shown in blocks of 3 x 3: 767 rows, and a last column of two pixels."""
    pixels = np.full((1, 2301, 1541), 100, np.uint8)
    pixels[0, 2298:, 1539:] = 200
    mask = np.zeros(pixels.shape[1:], np.uint8)
    mask[spot] = 1
    got = shown(picture(pixels), mask, {1: RED}, tmp_path)
    assert got.shape[:2] == (767, 514)
    assert np.argwhere(reddish(got)).tolist() == [[spot[0] // 3, spot[1] // 3]]
    grey = got[..., 2].copy()
    grey[spot[0] // 3, spot[1] // 3] = 0
    if spot == (0, 0):
        assert grey[-1, -1] > grey[-1, -2] == grey[-2, -1] == grey[5, 5]


def halves() -> tuple[np.ndarray, np.ndarray]:
    """40 x 30 x 10 voxels of 1 x 2 x 3 mm, RAS+, brighter to the right, front and top."""
    x, y, z = np.indices((40, 30, 10))
    return (x + 2 * y + 3 * z).astype(np.int16), np.diag([1.0, 2.0, 3.0, 1.0])


def panels(got: np.ndarray) -> list[np.ndarray]:
    """x spans 40 mm, y 60 mm (the longest: 384 pixels), z 30 mm."""
    x, y, z = 256, 384, 192
    assert got.shape == (max(y, z), x + 6 + x + 6 + y, 3)
    middle = (y - z) // 2
    return [
        got[:, :x],
        got[middle : middle + z, x + 6 : 2 * x + 6],
        got[middle : middle + z, 2 * x + 12 :],
    ]


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_three_planes_stand_upright_however_the_scan_is_stored(
    tmp_path: Path, flips: tuple[int, ...], order: tuple[int, ...]
) -> None:
    values, affine = halves()
    mask = np.zeros(values.shape, np.uint8)
    mask[30:36, 4:9, 7:9] = 1  # to the right, at the back, near the top
    turn, stored_affine = np.zeros((4, 4)), affine
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        turn[old, new] = flip
        turn[old, 3] = 0 if flip > 0 else values.shape[old] - 1
    turn[3, 3] = 1
    stored_affine = affine @ turn
    cut = tuple(slice(None, None, flip) for flip in flips)
    stored, stored_mask = (np.transpose(a, order)[cut] for a in (values, mask))

    got = shown(volume(stored, stored_affine), stored_mask, {1: RED}, tmp_path)
    axial, coronal, sagittal = panels(got)

    def where(panel: np.ndarray) -> tuple[float, float]:
        rows, columns = np.nonzero(reddish(panel))
        return columns.mean() / panel.shape[1], 1 - rows.mean() / panel.shape[0]

    right, front, top = 33 / 40, 6.5 / 30, 8 / 10
    assert where(axial) == pytest.approx((right, front), abs=0.01)
    assert where(coronal) == pytest.approx((right, top), abs=0.01)
    assert where(sagittal) == pytest.approx((front, top), abs=0.01)
    for panel in (axial, coronal, sagittal):  # brighter to the right and upwards
        height, width = panel.shape[:2]
        left, rest = (
            panel[height // 4 : height // 2, 30],
            panel[height // 4 : height // 2, width - 30],
        )
        assert rest.mean() > left.mean()
        assert (
            panel[30, width // 4 : width // 3].mean()
            > panel[height - 30, width // 4 : width // 3].mean()
        )


def test_letters_stand_at_the_edges(tmp_path: Path) -> None:
    values, affine = halves()
    values[:] = 0
    got = shown(volume(values, affine), np.zeros(values.shape, np.uint8), {}, tmp_path)
    for panel in panels(got):
        bright = panel.min(axis=-1) > 200
        height, width = bright.shape
        for rows, columns in (
            (slice(height // 2 - 10, height // 2 + 10), slice(0, 20)),
            (slice(height // 2 - 10, height // 2 + 10), slice(width - 20, width)),
            (slice(0, 20), slice(width // 2 - 10, width // 2 + 10)),
            (slice(height - 20, height), slice(width // 2 - 10, width // 2 + 10)),
        ):
            assert bright[rows, columns].sum() > 8


def test_a_scan_of_nan_and_constants_still_gives_a_picture(tmp_path: Path) -> None:
    for value in (np.nan, np.inf, 0.0, 5.0):
        values = np.full((6, 5, 4), value, np.float32)
        values[0, 0, 0] = 1.0
        mask = np.zeros(values.shape, np.uint8)
        mask[2, 2, 2] = 1
        got = shown(volume(values, np.eye(4)), mask, {1: RED}, tmp_path)
        assert reddish(got).any()


def test_one_voxel_is_enough(tmp_path: Path) -> None:
    got = shown(
        volume(np.ones((1, 1, 1)), np.eye(4)), np.ones((1, 1, 1), np.uint8), {1: RED}, tmp_path
    )
    assert reddish(got).any()
