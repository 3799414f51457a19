"""DICOM slices that make no volume: said with the figures, or resampled when requested."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import ColorPaletteStorage

from imaging.errors import (
    BrokenGeometry,
    SeveralScans,
    TesseraError,
    UnreadableScan,
    UnsupportedScan,
)
from imaging.formats.incoming import ScanSelection, incoming_scans
from tests.support.dicom.files import DESCRIPTION, NUMBER, PATIENT, classic, write
from tests.support.dicom.scans import (
    LIMITS,
    SHAPE,
    along,
    centres,
    fresh,
    moved,
    source_of,
    taken,
    turned,
    voxels,
    whole,
    without,
)


def _twice(images: list[Dataset]) -> list[Dataset]:
    other = classic(voxels(seed=5), turned())[3]
    other.SeriesInstanceUID = images[0].SeriesInstanceUID
    other.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    return [*images, other]


def _aside(images: list[Dataset]) -> list[Dataset]:
    """One slice beside the others, at even gaps."""
    place, _ = along(images[3])
    row = np.array(images[3].ImageOrientationPatient, float)[:3]
    images[3].ImagePositionPatient = [f"{n:.6f}" for n in place + 4.5 * row]
    return images


BROKEN = {
    "aside": (_aside, r"A slice is 4\.50 mm away from the line"),
    "missing": (without(3), "1 slice is missing: gaps of 2.50 to 5.00 mm, where 2.50 is usual"),
    "several missing": (without(2, 4), "2 slices are missing"),
    "uneven": (moved(3, 0.8), r"uneven: 1.70 to 3.30 mm"),
    "duplicate": (_twice, "2 of 8 slices have the same position as another slice"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_slices_that_make_no_volume(tmp_path: Path, name: str) -> None:
    change, words = BROKEN[name]
    images = change(classic(voxels(), turned()))
    with pytest.raises(BrokenGeometry, match=words) as caught:
        taken(tmp_path, *images)
    assert "C.7.6.2.1.1" in str(caught.value)
    _says_nothing_of_the_patient(caught.value, images)


def _says_nothing_of_the_patient(error: TesseraError, images: Sequence[Dataset]) -> None:
    uids = [images[0].SeriesInstanceUID, images[0].SOPInstanceUID, images[0].StudyInstanceUID]
    for secret in ("Norma", PATIENT, NUMBER, DESCRIPTION, "1970", *uids):
        assert secret not in str(error)


def test_mixed_orientations_are_no_volume(tmp_path: Path) -> None:
    """They are told apart and listed; none is guessed."""
    axial, tilted = classic(voxels(), turned()), classic(voxels((11, 9, 4)), turned(0.4))
    for image in tilted:
        image.SeriesInstanceUID = axial[0].SeriesInstanceUID
    with pytest.raises(SeveralScans) as caught:
        taken(tmp_path / "all", *axial, *tilted)
    assert [(c["stack"], c["slices"]) for c in caught.value.choices] in (
        [(1, 7), (2, 4)],
        [(1, 4), (2, 7)],
    )
    stack = next(c["stack"] for c in caught.value.choices if c["slices"] == 4)
    assert taken(tmp_path / "one", *axial, *tilted, selection=ScanSelection(stack=stack)).grid == (
        11,
        9,
        4,
    )


def test_jitter_of_rounding_is_borne(tmp_path: Path) -> None:
    images = moved(3, 0.008)(classic(voxels(), turned()))
    assert taken(tmp_path, *images).grid == SHAPE


def test_jitter_of_cosines_is_borne(tmp_path: Path) -> None:
    """Given cosines a millionth apart, with an edge of any rounding between, it is one volume."""
    images = classic(voxels(), turned())
    for k, image in enumerate(images):
        angle = np.arcsin(0.31415) + (1e-6 if k % 2 else -1e-6)
        cosines = [np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0]
        image.ImageOrientationPatient = [f"{n:.9f}" for n in cosines]
        image.ImagePositionPatient = [0, 0, f"{2.5 * k}"]
    assert taken(tmp_path, *images).grid == SHAPE


def sheared(degrees: float) -> NDArray[np.float64]:
    """Slices set off along j by a tilted gantry."""
    affine = turned()
    down = affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    affine[:3, 2] += down * 2.5 * np.tan(np.deg2rad(degrees))
    return affine


def _ramp(affine: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A field that is linear in the world, which linear interpolation gives back."""
    found: NDArray[np.float64] = centres(shape, affine) @ [3.0, -2.0, 5.0] + 700
    return found.reshape(shape)


def test_a_tilted_gantry(tmp_path: Path) -> None:
    """Refused with its angle; resampled when requested, to values at their places."""
    affine, shape = sheared(18.5), (30, 40, 12)
    images = classic(np.round(_ramp(affine, shape) * 20), affine)
    with pytest.raises(BrokenGeometry, match=r"18\.5 degrees"):
        taken(tmp_path / "refused", *images)
    scan = taken(tmp_path / "taken", *images, selection=ScanSelection(resample=True))
    assert scan.grid == (30, 40 + 11, 12)  # 11 gaps of 2.5 mm x tan(18.5 degrees) / 0.9 mm
    assert "18.5 degrees" in scan.warnings[0]
    found, wanted = whole(scan)[0], _ramp(scan.affine, scan.grid) * 20
    regular = source_of(scan).regular
    assert regular is not None
    for n, (i, j) in enumerate(regular.shifts):
        lies = np.s_[int(np.ceil(i)) : int(i) + 30, int(np.ceil(j)) : int(j) + 40, n]
        assert np.abs(found[lies] - wanted[lies]).max() < 0.51  # stored values were rounded
    mask = np.where(wanted > np.median(wanted), 2, 0).astype(np.uint8)
    brought = source_of(scan).on_planes(mask)
    places = np.stack([_pixels_of(h, 40, 30) for h in source_of(scan).planes().headers])
    there = (places @ [3.0, -2.0, 5.0] + 700) * 20
    assert brought.shape == (12, 40, 30)
    assert (brought == np.where(there > np.median(wanted), 2, 0)).mean() > 0.98


def _pixels_of(header: Dataset, rows: int, columns: int) -> NDArray[np.float64]:
    """(rows, columns, 3): RAS+ mm of each pixel, by the standard's equation."""
    turned_ = np.array(header.ImageOrientationPatient, float)
    down, along = (float(n) for n in header.PixelSpacing)
    r, c = np.indices((rows, columns))
    place = np.array(header.ImagePositionPatient, float)
    lps = place + c[..., None] * along * turned_[:3] + r[..., None] * down * turned_[3:]
    return lps * [-1, -1, 1]


def test_uneven_gaps_are_resampled_when_asked(tmp_path: Path) -> None:
    """The mask comes back on the original slices, each at its own place."""
    volume = np.zeros((20, 18, 9), np.int16)
    images = without(2, 5, 6)(classic(volume, turned()))
    scan = taken(tmp_path, *images, selection=ScanSelection(resample=True))
    assert scan.grid == (20, 18, 9)
    mask = np.broadcast_to(np.arange(9, dtype=np.uint8), scan.grid)
    brought = source_of(scan).on_planes(mask)
    kept = [0, 1, 3, 4, 7, 8]
    if scan.affine[:3, 2] @ turned()[:3, 2] < 0:
        kept = [8 - k for k in reversed(kept)]
    assert [int(plane[0, 0]) for plane in brought] == kept
    assert (brought == brought[:, :1, :1]).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"RescaleSlope": "0"}, "Slope or Rescale Intercept is 0"),
        ({"RescaleSlope": "1e40"}, "not finite, or too large"),
        ({"BitsStored": 12, "HighBit": 16}, "HighBit is 16"),
        ({"BitsAllocated": 12}, "BitsAllocated is 12"),
        ({"ImagePositionPatient": None}, "does not state its position"),
        ({"ImagePositionPatient": ["1", "2"]}, "position.*is impossible"),
        ({"PixelSpacing": ["0", "1"]}, "spacing.*is impossible"),
        ({"ImageOrientationPatient": ["1", "0", "0", "0.6", "0.8", "0"]}, "not at right angles"),
    ],
)
def test_the_attribute_at_fault_is_named(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnreadableScan, match=reason):
        taken(tmp_path, *classic(voxels(), turned(), **changes))


def test_the_missing_identifier_is_named(tmp_path: Path) -> None:
    """Also where both are missing."""
    for names, reason in (
        (["SOPClassUID"], r"SOP Class UID \(PS3.3, C.12.1\)\."),
        (["SeriesInstanceUID"], r"state its Series Instance UID \(PS3.3, C.7.3.1\)\."),
        (["SOPClassUID", "SeriesInstanceUID"], r"SOP Class UID .* and its Series Instance UID"),
    ):
        (path,) = write(classic(voxels(), turned())[:1], tmp_path)
        image = dcmread(path)
        for name in names:
            delattr(image, name)
        image.save_as(path, enforce_file_format=False)
        with pytest.raises(UnreadableScan, match=reason):
            incoming_scans([path], fresh(tmp_path / "packs"), LIMITS)


def test_an_object_without_a_series_is_refused_for_its_class(tmp_path: Path) -> None:
    """A colour palette belongs to no series (PS3.3, A.58)."""
    palette = classic(voxels(), turned())[0]
    palette.SOPClassUID = ColorPaletteStorage
    del palette.SeriesInstanceUID
    with pytest.raises(UnsupportedScan, match="Color Palette Storage"):
        taken(tmp_path, palette)
