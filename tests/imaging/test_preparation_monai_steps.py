"""The steps `crop_foreground`, `pad` and `resize` against MONAI's own transforms."""

from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms.croppad.array import BorderPad, DivisiblePad, SpatialPad
from monai.transforms.croppad.array import CropForeground as MonaiCropForeground
from monai.transforms.spatial.array import Resize as MonaiResize

from imaging.box import Box
from imaging.preparation.crop_foreground import CropForeground
from imaging.preparation.pad import Pad
from imaging.preparation.prepared import Prepared, PreparedChannel
from imaging.preparation.resize_to import ResizeTo
from imaging.preparation.way_back import Cropped, Padded, Resized

RNG = np.random.default_rng(0)


def prepared(values: np.ndarray, spacing: tuple[float, ...] | None = None) -> Prepared:
    channels = tuple(PreparedChannel(f"c{n}") for n in range(len(values)))
    return Prepared(values.astype(np.float32), channels, spacing)


@pytest.mark.parametrize("shape", [(1, 9, 8, 7), (2, 6, 9, 5), (3, 8, 11)])
def test_the_foreground_is_monais(shape: tuple[int, ...]) -> None:
    values = np.full(shape, -1.0, np.float32)
    inner = (slice(None), *(slice(2, n - 1) for n in shape[1:]))
    values[inner] = RNG.normal(size=values[inner].shape)
    cropped = CropForeground(step="crop_foreground").apply(prepared(values))
    expected = np.asarray(MonaiCropForeground()(torch.from_numpy(values)))
    assert cropped.grid != shape[1:]
    assert np.array_equal(cropped.values, expected)
    (back,) = cropped.way_back
    assert isinstance(back, Cropped)
    assert np.array_equal(values[(slice(None), *back.box.slices)], expected)


def test_a_margin_is_monais() -> None:
    values = np.full((1, 9, 8, 7), -1.0, np.float32)
    values[:, 1:4, 3:5, 2:3] = 1
    margin = (2, 1, 9)
    cropped = CropForeground(step="crop_foreground", margin=margin).apply(prepared(values))
    monai = MonaiCropForeground(margin=margin, allow_smaller=True)
    assert np.array_equal(cropped.values, np.asarray(monai(torch.from_numpy(values))))
    assert cropped.grid == (6, 4, 7)
    with pytest.raises(ValueError, match="3 numbers"):
        CropForeground(step="crop_foreground", margin=(1,)).check(1, 3, ())


PADS: dict[str, tuple[dict[str, Any], Any]] = {
    "size": ({"size": (12, 0, 10)}, SpatialPad((12, -1, 10))),
    "size at the end": (
        {"size": (12, 9, 10), "at_end": True, "value": -1},
        SpatialPad((12, 9, 10), method="end", value=-1),
    ),
    "multiple": (
        {"multiple": (4, 5, 1), "mode": "replicate"},
        DivisiblePad((4, 5, 1), mode="edge"),
    ),
    "border": (
        {"border": ((1, 3), (0, 0), (2, 1)), "mode": "reflect"},
        BorderPad((1, 3, 0, 0, 2, 1), mode="reflect"),
    ),
}


@pytest.mark.parametrize("name", PADS)
def test_padding_is_monais(name: str) -> None:
    fields, monai = PADS[name]
    values = RNG.normal(size=(2, 9, 8, 7)).astype(np.float32)
    padded = Pad(step="pad", **fields).apply(prepared(values, (1.0, 2.0, 3.0)))
    expected = np.asarray(monai(torch.from_numpy(values)))
    assert padded.grid != values.shape[1:]
    assert np.array_equal(padded.values, expected)
    assert padded.spacing_mm == (1, 2, 3)
    (back,) = padded.way_back
    assert isinstance(back, Padded)
    inner = tuple(slice(a, a + n) for a, n in zip(back.start, back.before, strict=True))
    assert np.array_equal(padded.values[(slice(None), *inner)], values)


def test_added_voxels_are_measured_but_acquired_padding_is_not() -> None:
    padding = np.zeros((1, 3, 2), bool)
    padding[0, 0] = True
    scan = Prepared(np.ones((1, 3, 2), np.float32), (PreparedChannel("a"),), None, padding=padding)
    padded = Pad(step="pad", border=((1, 1), (0, 0))).apply(scan)
    assert padded.padding is not None
    assert padded.padding[0, :, 0].tolist() == [False, True, False, False, False]
    assert padded.values[0, :, 0].tolist() == [0, 1, 1, 1, 0]


def test_a_pad_has_one_rule() -> None:
    with pytest.raises(ValueError, match="one of size, multiple and border"):
        Pad(step="pad", size=(1, 2), multiple=(1, 2))
    with pytest.raises(ValueError, match="3 entries"):
        Pad(step="pad", size=(1, 2)).check(1, 3, ())
    scan = prepared(np.zeros((1, 4, 5)))
    assert Pad(step="pad", size=(4, 2)).apply(scan) is scan


def test_a_scan_without_foreground_is_not_cropped() -> None:
    cropped = CropForeground(step="crop_foreground").apply(prepared(np.zeros((1, 4, 5))))
    assert cropped.way_back == (Cropped(Box((0, 0), (4, 5)), (4, 5)),)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((3, 31, 20), (16, 24)), ((1, 9, 12, 7), (13, 5, 7)), ((1, 6, 6), (6, 6))],
    ids=["image", "volume", "same"],
)
def test_a_fixed_size_is_monais(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    values = RNG.normal(size=shape).astype(np.float32)
    resized = ResizeTo(step="resize", size=size).apply(prepared(values, (1.0,) * len(size)))
    mode = "bilinear" if len(size) == 2 else "trilinear"
    expected = np.asarray(MonaiResize(size, mode=mode)(torch.from_numpy(values)))
    assert np.abs(resized.values - expected).max() < 1e-5
    ratios = tuple(n / m for n, m in zip(shape[1:], size, strict=True))
    assert resized.spacing_mm == ratios
    same = shape[1:] == size
    assert resized.way_back == (() if same else (Resized(shape[1:], size, ratios, "edges"),))


def test_label_maps_and_padding_take_the_nearest_voxel() -> None:
    """Halved: of voxels 0 and 1, whose edge is the centre, the second one."""
    values = np.stack([np.arange(8.0), np.array([0, 1, 1, 0, 0, 1, 0, 0.0])])[:, :, None]
    channels = (PreparedChannel("scan"), PreparedChannel("label", is_label=True))
    padding = np.zeros(values.shape, bool)
    padding[:, 5:] = True
    step = ResizeTo(step="resize", size=(4, 1))
    resized = step.apply(Prepared(values.astype(np.float32), channels, None, padding=padding))
    assert resized.values[0, :, 0].tolist() == [0.5, 2.5, 4.5, 6.5]
    assert resized.values[1, :, 0].tolist() == [1, 0, 1, 0]
    assert resized.padding is not None
    assert resized.padding[0, :, 0].tolist() == [False, False, True, True]
    assert resized.spacing_mm is None


def test_a_size_is_needed_for_each_axis() -> None:
    with pytest.raises(ValueError, match="3 numbers"):
        ResizeTo(step="resize", size=(4, 1)).check(1, 3, ())
