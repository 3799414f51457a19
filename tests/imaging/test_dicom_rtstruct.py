"""RT Structure Sets: whoever fills the contours by voxel centres gets the mask back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Outline
from pydicom import Dataset, dcmread

from imaging.errors import BadRequest
from imaging.formats.dicom.contours import polygons
from imaging.formats.dicom.objects import write_object
from tests.support.dicom.headers import (
    GAP,
    MADE_AT,
    ORIENTATIONS,
    SHAPE,
    SPACING,
    Acquired,
    blobs,
    mask_description,
    picture,
    scan_of,
    series,
)
from tests.support.dicom.validators import faults
from tests.support.polygons import filled

LABELS = mask_description("Größe", "liver", "not there")


def with_holes() -> np.ndarray:
    """Two holes in a ring, an island in one of them, and voxels that touch by corners."""
    mask = np.zeros((14, 15), bool)
    mask[1:12, 1:13] = True
    mask[3:9, 3:9] = False
    mask[5:7, 5:7] = True
    mask[3:6, 10] = False
    mask[10, 4] = mask[9, 3] = False
    mask[12, 13] = mask[13, 14] = mask[0, 0] = True
    return mask


@given(
    arrays(
        bool,
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        elements=st.booleans(),
        fill=st.nothing(),
    )
)
def test_contours_give_any_mask_back(mask: np.ndarray) -> None:
    inside = np.zeros(mask.shape, bool)
    centres = np.argwhere(np.ones(mask.shape, bool))
    by_winding = np.zeros(mask.shape, bool)
    for polygon in polygons(mask):
        inside ^= filled(polygon, mask.shape)
        closed = np.concatenate((polygon, polygon[:1]))
        by_winding |= Outline(closed).contains_points(centres).reshape(mask.shape)
    assert np.array_equal(inside, mask)
    assert np.array_equal(by_winding, mask)


def test_a_hole_is_reached_by_a_keyhole() -> None:
    mask = with_holes()
    found = polygons(mask)
    ring = max(found, key=len)
    corners, times = np.unique(ring, axis=0, return_counts=True)
    assert (times == 2).sum() >= 4, "each channel is walked to and fro"
    assert all(abs(row % 0.5) == 0.25 for row, _ in corners[times == 2])
    assert np.array_equal(np.logical_xor.reduce([filled(p, mask.shape) for p in found]), mask)


def on_plane(item: Dataset, acquired: Acquired) -> tuple[int, np.ndarray]:
    """A contour: its plane, by the image it names, and its points as (row, column)."""
    named = item.ContourImageSequence[0]
    instances = [header.SOPInstanceUID for header in acquired.kept.headers]
    which = (
        instances.index(named.ReferencedSOPInstanceUID),
        int(named.get("ReferencedFrameNumber", 1)) - 1,
    )
    affine = scan_of(acquired).affine
    points = np.array(item.ContourData, float).reshape(-1, 3) * [-1, -1, 1]
    assert len(points) == item.NumberOfContourPoints
    ijk = np.linalg.solve(affine[:3, :3], (points - affine[:3, 3]).T).T
    plane = acquired.kept.frames.index(which)
    assert np.allclose(ijk[:, 2], plane, atol=1e-4 / GAP), "on the plane that it names"
    return plane, ijk[:, 1::-1]


@pytest.mark.system
@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_mask_comes_back(
    tmp_path: Path, orientation: str, backwards: bool, enhanced: bool
) -> None:
    acquired = series(ORIENTATIONS[orientation], backwards=backwards, enhanced=enhanced)
    mask = blobs()
    mask[2, 3:9, 2:8], mask[2, 5:7, 4:6] = 2, 0
    mask[5, 2:6, 2:9], mask[5, 3:5, 3:8], mask[5, 3, 4] = 1, 2, 1
    path = tmp_path / "mask.rtstruct.dcm"
    write_object(
        path, "dicom-rtstruct", mask.transpose(2, 1, 0), scan_of(acquired), LABELS, None, MADE_AT
    )
    assert faults(path) == []
    dataset = dcmread(path)
    names = {item.ROINumber: item.ROIName for item in dataset.StructureSetROISequence}
    assert names == {1: "Größe", 2: "liver"}
    for roi in dataset.ROIContourSequence:
        found = np.zeros(SHAPE, bool)
        for item in roi.ContourSequence:
            assert item.ContourGeometricType == "CLOSED_PLANAR"
            plane, polygon = on_plane(item, acquired)
            found[plane] ^= filled(polygon, SHAPE[1:])
        assert np.array_equal(found, mask == roi.ReferencedROINumber)


def test_who_says_so_and_of_what(tmp_path: Path) -> None:
    acquired, path = series(), tmp_path / "a.rtstruct.dcm"
    mask, scan = blobs().transpose(2, 1, 0), scan_of(acquired)
    write_object(path, "dicom-rtstruct", mask, scan, LABELS, None, MADE_AT)
    dataset, first = dcmread(path), acquired.kept.headers[0]
    assert (str(dataset.PatientName), dataset.StudyInstanceUID) == (
        "Müller^Jörg",
        first.StudyInstanceUID,
    )
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == first.FrameOfReferenceUID
    (named,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert named.SeriesInstanceUID == first.SeriesInstanceUID
    assert len(named.ContourImageSequence) == SHAPE[0]
    assert list(dataset.ROIContourSequence[0].ROIDisplayColor) == [0xE6, 0x55, 0x0D]
    seen = dataset.RTROIObservationsSequence[1]
    assert (seen.RTROIInterpretedType, seen.ReferencedROINumber) == ("ORGAN", 2)
    assert seen.RTROIIdentificationCodeSequence[0].CodeValue == "10200004"
    again = tmp_path / "b.rtstruct.dcm"
    write_object(again, "dicom-rtstruct", mask, scan, LABELS, None, MADE_AT)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_contour_longer_than_a_short_element(tmp_path: Path) -> None:
    """A comb of thousands of corners: more text than 64 KiB, as one contour."""
    mask = np.zeros((1, 120, 240), np.uint8)
    mask[0, 1:-1, 1:-1:2] = 1
    mask[0, -2, 1:-1] = 1
    mask[0, 1:-1:3, 1:-1:4] = 1
    mask[0, 2:-2:2, 2:-2] = 1
    acquired, path = series(shape=mask.shape), tmp_path / "a.rtstruct.dcm"
    write_object(
        path, "dicom-rtstruct", mask.transpose(2, 1, 0), scan_of(acquired), LABELS, None, MADE_AT
    )
    found = np.zeros(mask.shape[1:], bool)
    contours = dcmread(path).ROIContourSequence[0].ContourSequence
    assert max(len(item.ContourData) for item in contours) > 10_000
    affine = scan_of(acquired).affine
    for item in contours:
        points = np.array(item.ContourData, float).reshape(-1, 3) * [-1, -1, 1] - affine[:3, 3]
        found ^= filled(points[:, 1::-1] * [-1, -1] / SPACING, found.shape)
    assert np.array_equal(found, mask[0] > 0)


@pytest.mark.system
def test_an_empty_mask_and_a_picture(tmp_path: Path) -> None:
    path, empty = tmp_path / "a.rtstruct.dcm", np.zeros(SHAPE[::-1], np.uint8)
    write_object(path, "dicom-rtstruct", empty, scan_of(series()), LABELS, None, MADE_AT)
    assert faults(path) == []
    dataset = dcmread(path)
    assert len(dataset.StructureSetROISequence) == 3
    assert all("ContourSequence" not in item for item in dataset.ROIContourSequence)
    mask, flat = blobs()[3], scan_of(picture())
    with pytest.raises(BadRequest, match="no position"):
        write_object(path, "dicom-rtstruct", mask, flat, LABELS, None, MADE_AT)
