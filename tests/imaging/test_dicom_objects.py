"""Series as they are uploaded, and back: made ones, and real ones where TESSERA_TEST_DATA is."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from scipy import ndimage

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.dicom.objects import FORMS, write_object
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from tests.support.dicom.files import classic, write
from tests.support.dicom.headers import (
    MADE_AT,
    ORIENTATIONS,
    blobs,
    files,
    mask_description,
    scan_of,
    series,
)
from tests.support.dicom.objects import uid_of
from tests.support.dicom.validators import faults, in_world, itk_image
from tests.support.polygons import filled

SHARED = os.environ.get("TESSERA_TEST_DATA")
REAL = {
    "crop": "mr_hippocampus_crop_1",
    "t1post": "mr_t1post",
    "ct": "ct_with_seg/ct-3slice",
    "enhanced": "mr_enhanced_multiframe/In/Philips",
    "tilted": "ct_gantry_tilt",
}
MADE = {
    "made, axial": series(backwards=True),
    "made, coronal": series(ORIENTATIONS["coronal"]),
    "made, sagittal": series(ORIENTATIONS["sagittal"], backwards=True),
    "made, oblique": series(ORIENTATIONS["oblique"]),
    "made, enhanced": series(ORIENTATIONS["oblique"], enhanced=True, backwards=True),
}
LABELS = mask_description("darker", "brighter")


@pytest.fixture(params=[*MADE, *(REAL if SHARED else ())])
def scan(request: pytest.FixtureRequest, tmp_path: Path) -> Scan:
    folder = tmp_path / "sent"
    folder.mkdir()
    if request.param in MADE:
        paths = [folder / f"{n}.dcm" for n in range(99)]
        for path, data in zip(paths, files(MADE[request.param]), strict=False):
            path.write_bytes(data)
        paths = list(folder.iterdir())
    else:
        paths = list((Path(str(SHARED)) / "dicom" / REAL[request.param]).rglob("*.dcm"))
    selection = ScanSelection(each=True, resample=request.param == "tilted")
    found, _ = incoming_scans(paths, tmp_path, Limits(), selection)
    return open_scan(found[0].path)


@pytest.fixture
def mask(scan: Scan) -> np.ndarray:
    values = scan.read(Box.whole(scan.grid))[0].astype(float)
    smooth = ndimage.gaussian_filter(values, 2)
    return np.digitize(smooth, np.quantile(smooth, [0.8, 0.95])).astype(np.uint8)


@pytest.mark.system
@pytest.mark.parametrize("form", ["dicom-seg", "dicom-labelmap"])
def test_a_segmentation_gives_the_mask_back(
    scan: Scan, mask: np.ndarray, tmp_path: Path, form: str
) -> None:
    path, source = tmp_path / "a.dcm", scan.source
    write_object(path, form, mask, scan, LABELS, None, MADE_AT)
    if form == "dicom-seg":
        assert faults(path) == []
    planes, seg = source.planes(), hd.seg.segread(path)
    which: dict[str, Any] = {"combine_segments": True, "assert_missing_frames_are_empty": True}
    if len(planes.headers) > 1:
        instances = [planes.headers[header].SOPInstanceUID for header, _ in planes.frames]
        found = seg.get_pixels_by_source_instance(instances, **which)
    else:
        frames = [frame + 1 for _, frame in planes.frames]
        found = seg.get_pixels_by_source_frame(planes.headers[0].SOPInstanceUID, frames, **which)
    assert np.array_equal(found, source.on_planes(mask))
    if source.regular is None:  # dcmqi makes no volume of tilted planes
        numbers, affine = itk_image(path, tmp_path / "itk")
        to_itk = np.linalg.inv(affine) @ scan.affine
        voxels = np.argwhere(mask)
        there = voxels @ to_itk[:3, :3].T + to_itk[:3, 3]
        assert np.abs(there - np.round(there)).max() < 1e-3
        assert np.array_equal(numbers[tuple(np.round(there).astype(int).T)], mask[mask > 0])
        assert np.count_nonzero(numbers) == len(voxels)


@pytest.mark.system
def test_contours_give_the_mask_back(scan: Scan, mask: np.ndarray, tmp_path: Path) -> None:
    path, planes = tmp_path / "a.dcm", scan.source.planes()
    write_object(path, "dicom-rtstruct", mask, scan, LABELS, None, MADE_AT)
    assert faults(path) == []
    expected = scan.source.on_planes(mask)
    instances = [header.SOPInstanceUID for header in planes.headers]
    for roi in dcmread(path).ROIContourSequence:
        found = np.zeros(expected.shape, bool)
        for item in roi.ContourSequence:
            named = item.ContourImageSequence[0]
            instance = instances.index(named.ReferencedSOPInstanceUID)
            frame = int(named.get("ReferencedFrameNumber", 1)) - 1
            plane = planes.frames.index((instance, frame))
            found[plane] ^= filled(on_plane(item, planes.headers[instance], frame), found[0].shape)
        inside = expected == roi.ReferencedROINumber
        dice = 2 * (found & inside).sum() / (found.sum() + inside.sum())
        assert dice == 1


def on_plane(item: Any, header: Any, frame: int) -> np.ndarray:
    """A contour's points as (row, column) of the image that it names, by that image's header."""
    groups = [header]
    if "PerFrameFunctionalGroupsSequence" in header:
        groups = [
            header.PerFrameFunctionalGroupsSequence[frame],
            header.SharedFunctionalGroupsSequence[0],
        ]

    def told(sequence: str, keyword: str) -> np.ndarray:
        for group in groups:
            item = group[sequence][0] if sequence in group else group
            if keyword in item:
                return np.array(item[keyword].value, float)
        raise KeyError(keyword)

    along = told("PlaneOrientationSequence", "ImageOrientationPatient").reshape(2, 3)
    spacing = told("PixelMeasuresSequence", "PixelSpacing")
    points = np.array(item.ContourData, float).reshape(-1, 3)
    away = points - told("PlanePositionSequence", "ImagePositionPatient")
    assert np.abs(away @ np.cross(*along)).max() < 1e-3
    return away @ along[::-1].T / spacing


@pytest.mark.system
def test_a_report_is_sound(scan: Scan, mask: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    write_object(path, "dicom-sr", mask, scan, LABELS, None, MADE_AT)
    assert faults(path) == []
    groups = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()  # type: ignore[attr-defined]
    voxel = abs(np.linalg.det(scan.affine[:3, :3])) / 1000
    found = [group.get_measurements()[0].value for group in groups]
    assert found == pytest.approx([np.count_nonzero(mask == n) * voxel for n in (1, 2)])


def test_the_mask_lies_in_the_world_as_the_scan_does(
    scan: Scan, mask: np.ndarray, tmp_path: Path
) -> None:
    if scan.source.regular is not None or mask.size > 1 << 20:
        return  # the planes of a resampled scan are others
    path = tmp_path / "a.dcm"
    write_object(path, "dicom-labelmap", mask, scan, LABELS, None, MADE_AT)
    volume = hd.seg.segread(path).get_volume(combine_segments=True)
    lps = np.diag([-1, -1, 1, 1]) @ volume.affine
    assert in_world(volume.array, lps) == in_world(mask, scan.affine)


@pytest.mark.parametrize("form", FORMS)
def test_names_within_sequences_come_in_the_objects_own_letters(tmp_path: Path, form: str) -> None:
    """Given a source of ISO 8859-1, what lies within its sequences is UTF-8 in ours as well."""
    images = classic(np.zeros((8, 8, 3), np.int16), np.eye(4), SpecificCharacterSet="ISO_IR 100")
    for image in images:
        other = Dataset()
        other.PatientID, other.IssuerOfPatientID = "Ä-1", "Köln"
        image.OtherPatientIDsSequence = [other]
    sent = write(images, tmp_path / "sent")
    (one,), _ = incoming_scans(sent, tmp_path, Limits())
    path = tmp_path / "a.dcm"
    mask = np.ones((8, 8, 3), np.uint8)
    write_object(path, form, mask, open_scan(one.path), LABELS, None, MADE_AT)
    found = dcmread(path)
    (told,) = found.OtherPatientIDsSequence
    assert (told.PatientID, told.IssuerOfPatientID) == ("Ä-1", "Köln")
    assert found.SpecificCharacterSet == "ISO_IR 192"


def test_objects_of_axes_that_are_not_perpendicular_are_refused(tmp_path: Path) -> None:
    """Half a degree between rows and columns: above rounding, below what is refused when read."""
    images = classic(np.zeros((6, 5, 4), np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))
    for image in images:
        image.ImageOrientationPatient = [1, 0, 0, -0.0087, 0.99996, 0]
    sent = write(images, tmp_path / "sent")
    (one,), _ = incoming_scans(sent, tmp_path, Limits())
    scan = open_scan(one.path)
    assert any("differs by 0.5 degrees from 90" in warning for warning in scan.warnings)
    for form in FORMS:
        with pytest.raises(BadRequest, match="not perpendicular"):
            write_object(
                tmp_path / "a", form, np.ones(scan.grid, np.uint8), scan, LABELS, None, MADE_AT
            )


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_supplied_mask_names_no_network(tmp_path: Path, form: str, corrected: bool) -> None:
    """A mask that a user supplied is MANUAL, corrected or not; nothing in it names the model."""
    scan, mask, path = scan_of(series()), blobs().transpose(2, 1, 0), tmp_path / "a.dcm"
    by_network = replace(LABELS, corrected=corrected)
    supplied = replace(by_network, supplied=True)
    write_object(path, form, mask, scan, supplied, None, MADE_AT)
    dataset = dcmread(path)
    assert LABELS.algorithm not in str(dataset)
    assert dataset.SeriesDescription == "Supplied mask" + (", corrected" if corrected else "")
    assert dataset.ManufacturerModelName == "Tessera"
    kinds = {
        *(item.get("SegmentAlgorithmType") for item in dataset.get("SegmentSequence", ())),
        *(item.ROIGenerationAlgorithm for item in dataset.get("StructureSetROISequence", ())),
    }
    assert kinds - {None} == (set() if form == "dicom-sr" else {"MANUAL"})
    assert not any("SegmentAlgorithmName" in item for item in dataset.get("SegmentSequence", ()))
    assert dataset.SOPInstanceUID != uid_of(form, mask, scan, by_network)
