"""DICOM's pixel padding: what was never acquired becomes air, or the least real value."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.box import Box
from imaging.formats.incoming import ScanSelection
from imaging.scan import Scan
from tests.support.dicom.files import classic, enhanced, picture, write
from tests.support.dicom.scans import turned
from tests.support.format_cases.case import Check, FormatCase

AIR_HU = -1000
_TISSUE = np.random.default_rng(2).integers(900, 2000, (9, 8, 5)).astype(np.int16)
_INTERCEPT = -1024


def _outside() -> NDArray[np.bool_]:
    """(i, j, k): what lies outside of a circle, which is off the centre."""
    i, j = np.ogrid[:9, :8]
    return np.repeat(((i - 4) ** 2 + (j - 3) ** 2 > 14)[..., None], 5, axis=2)


def _ct(stored: int, *, signed: bool, limit: int | None = None, **changes: Any) -> list[Dataset]:
    """An axial CT with the value `stored` outside of the circle."""
    vr = "SS" if signed else "US"
    kind = np.int16 if signed else np.uint16
    values = np.where(_outside(), stored, _TISSUE).astype(kind)
    images = classic(values.view(np.int16), turned(), modality="CT", **changes)
    for image in images:
        image.PixelRepresentation = int(signed)
        image.RescaleSlope, image.RescaleIntercept = "1", str(_INTERCEPT)
        image.add_new(0x00280120, vr, stored)
        if limit is not None:
            image.add_new(0x00280121, vr, limit)
    return images


def _files(images: Callable[[], list[Dataset]]) -> Callable[[Path], Path]:
    def write_files(folder: Path) -> Path:
        write(images(), folder)
        return folder

    return write_files


def _mr() -> list[Dataset]:
    return classic(np.where(_outside(), 0, _TISSUE), turned(), PixelPaddingValue=0)


def _enhanced() -> list[Dataset]:
    image = enhanced([np.where(_outside(), -3000, _TISSUE)], turned())
    image.add_new(0x00280120, "SS", -3000)
    return [image]


def _radiograph(photometric: str, least: int) -> list[Dataset]:
    image = picture(np.where(_outside(), least, _TISSUE)[..., 0].astype(np.uint16))
    image.BitsStored, image.HighBit = 12, 11
    image.PhotometricInterpretation = photometric
    image.add_new(0x00280120, "US", least)
    return [image]


def _tilted() -> list[Dataset]:
    affine = turned()
    affine[:3, 2] += 0.3 * affine[:3, 1]
    values = np.where(_outside(), -2000, 1064)
    images = classic(values, affine, modality="CT", RescaleIntercept="-1024", RescaleSlope="1")
    for image in images:
        image.add_new(0x00280120, "SS", -2000)
    return images


def _outside_is(value: int, intercept: int) -> Check:
    """Every value is that of tissue after the rescale, or `value`; both as often as stored."""

    def check(scan: Scan, _path: Path) -> None:
        seen = np.sort(scan.read(Box.whole(scan.grid)).ravel())
        assert np.array_equal(
            seen, np.sort(np.where(_outside(), value, _TISSUE.astype(int) + intercept).ravel())
        )
        padding = scan.padding_in(Box.whole(scan.grid))
        assert padding is not None
        assert padding.sum() == _outside().sum()

    return check


def _grey(*, inverted: bool) -> Check:
    def check(scan: Scan, _path: Path) -> None:
        plane, outside = _TISSUE[..., 0].astype(int), _outside()[..., 0]
        grey = 4095 - plane if inverted else plane
        seen = scan.read(Box.whole(scan.grid))[0]
        assert np.array_equal(seen, np.where(outside, grey[~outside].min(), grey))

    return check


def _only_tissue_and_air(scan: Scan, _path: Path) -> None:
    values = scan.read(Box.whole(scan.grid))
    distance = np.minimum(np.abs(values - 40), np.abs(values - AIR_HU))
    assert distance.max() < 0.01
    assert np.ptp(values) > 1000


_NUMPY = "the stored values"
PADDING = [
    *(
        FormatCase(
            format="dicom", kind="CT: padding becomes -1000 HU", variant=variant, oracle=_NUMPY,
            write=_files(images), check=_outside_is(AIR_HU, _INTERCEPT),
        )
        for variant, images in (
            ("signed", lambda: _ct(-2000, signed=True)),
            ("unsigned", lambda: _ct(63536, signed=False)),
            ("a range", lambda: _ct(-2000, signed=True, limit=-1990)),
            ("a range, its ends in the other order", lambda: _ct(-2000, signed=True, limit=-2010)),
        )
    ),
    FormatCase(
        format="dicom", kind="CT, tilted, resampled: no value between tissue and air",
        oracle=_NUMPY, write=_files(_tilted), check=_only_tissue_and_air,
        selection=ScanSelection(resample=True),
    ),
    *(
        FormatCase(
            format="dicom", kind="MR: padding becomes the least real value", variant=variant,
            write=_files(images), oracle=_NUMPY,
            check=_outside_is(int(_TISSUE[~_outside()].min()), 0),
        )
        for variant, images in (("one file a slice", _mr), ("enhanced", _enhanced))
    ),
    *(
        FormatCase(
            format="dicom", kind="radiograph: padding becomes as dark as the darkest real pixel",
            variant=photometric, oracle=_NUMPY,
            write=_files(partial(_radiograph, photometric, 4000)),
            check=_grey(inverted=photometric == "MONOCHROME1"),
        )
        for photometric in ("MONOCHROME2", "MONOCHROME1")
    ),
]  # fmt: skip
