"""Pixel padding and unused bits: what is not tissue never becomes a value of tissue."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from imaging.box import Box
from imaging.formats.incoming import ScanSelection
from imaging.geometry import onto_grid
from imaging.intensity import normalisation
from imaging.orientation import canonical
from imaging.resample import at_spacing
from imaging.scan import Scan
from models.card_parts import Intensity
from tests.support.dicom.files import classic, picture
from tests.support.dicom.scans import SHAPE, taken, turned, voxels, whole

AIR = -1000


def _circle(shape: tuple[int, ...] = SHAPE) -> NDArray[np.bool_]:
    """(i, j, k): what lies outside a circle, which is off the centre."""
    i, j = np.ogrid[: shape[0], : shape[1]]
    outside = (i - 5) ** 2 + (j - 3) ** 2 > 20
    return np.repeat(outside[..., None], shape[2], axis=2)


def _ct(stored: NDArray[Any], padding: object, **changes: Any) -> list[Dataset]:
    rescale = {"RescaleSlope": "1", "RescaleIntercept": "-1024"}
    images = classic(stored, turned(), modality="CT", **{**rescale, **changes})
    for image in images:
        vr = "SS" if image.PixelRepresentation else "US"
        if stored.dtype == np.uint16:
            image.PixelRepresentation, vr = 0, "US"
        values = padding if isinstance(padding, tuple) else (padding,)
        for tag, value in zip((0x00280120, 0x00280121), values, strict=False):
            image.add_new(tag, "US" if value > 32767 else ("SS" if value < 0 else vr), value)
    return images


def _real(scan: Scan) -> NDArray[np.bool_]:
    padding = scan.padding_in(Box.whole(scan.grid))
    assert padding is not None
    return ~padding


@pytest.mark.parametrize("padding", [-2000, 63536, (-2010, -1990), (-1990, -2010)])
def test_padding_becomes_air_and_is_left_out_of_statistics(
    tmp_path: Path, padding: int | tuple[int, int]
) -> None:
    """Signed, with the VR of the other sign, and as a range with its ends in either order."""
    tissue, outside = voxels() % 900 + 100, _circle()
    scan = taken(tmp_path, *_ct(np.where(outside, -2000, tissue), padding))
    hounsfield = tissue.astype(float) - 1024
    seen = canonical(scan).scan
    values, real = whole(seen)[0], _real(seen)
    assert np.sort(values[real]).tolist() == np.sort(hounsfield[~outside]).tolist()
    assert set(values[~real]) == {AIR if hounsfield[~outside].min() > AIR else values[real].min()}
    for rule in (Intensity(kind="zscore"), Intensity(kind="percentile", lower=5.0, upper=95.0)):
        measured = normalisation(seen, rule)
        if rule.kind == "zscore":
            expected = hounsfield[~outside].mean(), hounsfield[~outside].std()
        else:
            low, high = np.percentile(hounsfield[~outside], (5, 95))
            expected = low, high - low
        assert (measured.shift, measured.scale) == pytest.approx(expected, rel=0.02)


def test_unsigned_padding_with_more_bits_than_are_stored(tmp_path: Path) -> None:
    """-2000 in 16 bits, where pixels have 12: the lower bits alone would be tissue (2096)."""
    stored = np.where(_circle(), 63536, 2096).astype(np.uint16)
    images = _ct(stored, -2000, BitsStored=12, HighBit=11)
    for image, k in zip(images, range(SHAPE[2]), strict=True):
        image.PixelData = np.ascontiguousarray(stored[..., k].T).tobytes()
    values = whole(taken(tmp_path, *images))
    assert set(values.ravel()) == {2096 - 1024, AIR}


def test_the_least_real_value_where_air_has_no_number(tmp_path: Path) -> None:
    """MR has no Hounsfield units."""
    tissue, outside = np.abs(voxels()) + 50, _circle()
    images = classic(np.where(outside, 0, tissue), turned(), PixelPaddingValue=0)
    values = whole(taken(tmp_path, *images))[0]
    assert values.min() == tissue[~outside].min()


@pytest.mark.parametrize(("traces", "air"), [(-2971, -1024), (14, -1010), (300, -1000)])
def test_air_is_no_value_that_only_traces_of_padding_have(
    tmp_path: Path, traces: int, air: int
) -> None:
    """Given pixels beside the padding value, such as a lossy codec leaves (-3995 HU)."""
    outside = _circle()
    stored = np.where(outside, -3000, 1064)
    i, j = np.argwhere(outside[..., 0])[0]
    stored[i, j] = traces
    values = whole(taken(tmp_path, *_ct(stored, -3000)))
    assert set(values.ravel()) == {traces - 1024, 40, air}


@pytest.mark.parametrize(("unit", "filled"), [("HU", AIR), ("US", AIR), ("ED", 200 - 1024)])
def test_the_least_real_value_where_ct_has_another_unit(
    tmp_path: Path, unit: str, filled: int
) -> None:
    """Electron density, for example, has no air at -1000."""
    tissue, outside = np.abs(voxels()) % 900 + 200, _circle()
    tissue[5, 3] = 200
    values = whole(taken(tmp_path, *_ct(np.where(outside, -2000, tissue), -2000, RescaleType=unit)))
    assert values.min() == filled


def test_implicit_vr_does_not_change_it(tmp_path: Path) -> None:
    stored = np.where(_circle(), -2000, 40)
    images = _ct(stored, -2000)
    for image in images:
        image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert set(whole(taken(tmp_path, *images)).ravel()) == {40 - 1024, AIR}


@pytest.mark.parametrize("tilt", [0.05, 0.3])
def test_a_resampled_volume_does_not_mix_padding_with_tissue(tmp_path: Path, tilt: float) -> None:
    """Every value of a tilted series is that of tissue or that of air, and none lies between."""
    stored, affine = np.where(_circle(), -2000, 1064), turned()
    affine[:3, 2] += tilt * affine[:3, 1]
    images = classic(stored, affine, modality="CT", RescaleIntercept="-1024", RescaleSlope="1")
    for image in images:
        image.PixelPaddingValue = -2000
    scan = taken(tmp_path, *images, selection=ScanSelection(resample=True))
    real = _real(scan)
    np.testing.assert_allclose(whole(scan)[0], np.where(real, 40, AIR), atol=0.01)
    assert 0.5 < real.sum() / (~_circle()).sum() < 2


def test_resampling_for_a_network_does_not_mix_padding_with_tissue(tmp_path: Path) -> None:
    stored = canonical(taken(tmp_path, *_ct(np.where(_circle(), -2000, 1064), -2000))).scan
    scan = replace(stored, reader=lambda box: stored.read(box).astype(np.float32))
    turned_by = np.diag([0.9, 0.9, 0.9, 1]) @ scan.affine
    for other in (
        at_spacing(scan, (0.5, 1.3, 2.0)),
        at_spacing(scan, (1.7, 0.6, 3.0)),
        onto_grid(scan, scan.grid, turned_by),
    ):
        values = whole(other)
        distance = np.minimum(np.abs(values - 40), np.abs(values - AIR))
        assert distance.max() < 0.01
        assert np.ptp(values) == pytest.approx(40 - AIR, abs=0.02)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [0, 1])
def test_padding_of_images(tmp_path: Path, photometric: str, signed: int) -> None:
    """It is as dark as the darkest real pixel, whichever end of the range is white."""
    stored = np.arange(40, 100, dtype=np.uint16).reshape(6, 10)
    outside = np.zeros(stored.shape, bool)
    outside[:2], outside[:, 7:] = True, True
    image = picture(np.where(outside, 4095, stored).astype(np.uint16))
    image.BitsStored, image.HighBit, image.PixelRepresentation = 13, 12, signed
    image.PhotometricInterpretation = photometric
    image.add_new(0x00280120, "SS" if signed else "US", 4095)
    scan = taken(tmp_path, image)
    values, real = whole(scan)[0], _real(scan)
    assert np.array_equal(real, ~outside)
    flipped = -1 - stored.astype(int) if signed else 8191 - stored.astype(int)
    expected = flipped if photometric == "MONOCHROME1" else stored
    assert np.array_equal(values[real], expected[real])
    assert set(values[~real]) == {expected[real].min()}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shift", [0, 4])
def test_values_that_do_not_fill_their_cells(tmp_path: Path, shift: int, signed: bool) -> None:
    """12 of 16 bits, at either end (HighBit 15: old archives), other bits set at random."""
    rng = np.random.default_rng(1)
    low = -2048 if signed else 0
    stored = rng.integers(low, low + 4096, SHAPE)
    noise = rng.integers(0, 16, SHAPE) * (1 if shift else 4096)
    cells = (((stored % 4096) << shift) | noise).astype(np.uint16)
    images = classic(cells, turned(), BitsStored=12, HighBit=11 + shift)
    for k, image in enumerate(images):
        image.PixelRepresentation = int(signed)
        image.PixelData = np.ascontiguousarray(cells[..., k].T).tobytes()
    found = whole(taken(tmp_path, *images))[0]
    assert np.array_equal(np.sort(found.ravel()), np.sort(stored.ravel()))
    assert len(np.unique(found)) > 100
