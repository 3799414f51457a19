"""Structured Reports of the measurements, read again by highdicom."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from imaging.errors import BadRequest
from imaging.formats.dicom.objects import write_object
from imaging.measure import measure
from tests.support.dicom.headers import (
    GAP,
    MADE_AT,
    SPACING,
    blobs,
    mask_description,
    picture,
    scan_of,
    series,
)
from tests.support.dicom.objects import uid_of
from tests.support.dicom.validators import faults

LABELS = mask_description("Größe", "liver", "not there")


@pytest.mark.system
@pytest.mark.parametrize("enhanced", [False, True])
def test_volumes_of_the_segments(tmp_path: Path, enhanced: bool) -> None:
    acquired = series(enhanced=enhanced)
    scan, mask, path = scan_of(acquired), blobs().transpose(2, 1, 0), tmp_path / "a.sr.dcm"
    told = measure(mask, scan, [(1, "Größe"), (2, "liver"), (3, "not there")]).as_dict()
    write_object(path, "dicom-sr", mask, scan, LABELS, told, MADE_AT)
    assert faults(path) == []
    report = hd.sr.srread(path)
    seg = tmp_path / "a.seg.dcm"
    write_object(seg, "dicom-seg", mask, scan, LABELS, None, MADE_AT)
    written = hd.seg.segread(seg)
    groups = report.content.get_volumetric_roi_measurement_groups()  # type: ignore[attr-defined]
    assert len(groups) == 2
    for number, group in enumerate(groups, 1):
        described = written.get_segment_description(number)
        (volume,) = group.get_measurements()
        assert (volume.name.meaning, volume.unit.value) == ("Volume", "ml")
        voxels = np.count_nonzero(mask == number)
        assert volume.value == pytest.approx(voxels * SPACING[0] * SPACING[1] * GAP / 1000)
        assert group.tracking_uid == described.tracking_uid
        assert group.finding_type == described.segmented_property_type
        segment = group.referenced_segment
        assert segment.referenced_sop_instance_uid == written.SOPInstanceUID
        assert segment.referenced_segment_numbers == [number]
        named = segment.get_source_series() if hasattr(segment, "get_source_series") else None
        if named is not None:
            assert named.value == acquired.kept.headers[0].SeriesInstanceUID
    evidence = {item[2] for item in report.get_evidence()}
    assert evidence >= {header.SOPInstanceUID for header in acquired.kept.headers}
    assert str(dcmread(path).PatientName) == "Müller^Jörg"


@pytest.mark.system
def test_what_was_looked_for_and_not_found(tmp_path: Path) -> None:
    scan, path = scan_of(series()), tmp_path / "a.sr.dcm"
    mask = np.zeros(scan.grid, np.uint8)
    write_object(path, "dicom-sr", mask, scan, LABELS, None, MADE_AT)
    assert faults(path) == []
    groups = hd.sr.srread(path).content.get_image_measurement_groups()  # type: ignore[attr-defined]
    assert [group.tracking_identifier for group in groups] == ["Größe", "liver", "not there"]
    assert [group.get_measurements()[0].value for group in groups] == [0, 0, 0]


@pytest.mark.system
def test_areas_of_a_picture(tmp_path: Path) -> None:
    scan, mask, path = scan_of(picture()), blobs()[3], tmp_path / "a.sr.dcm"
    write_object(path, "dicom-sr", mask, scan, LABELS, None, MADE_AT)
    assert faults(path) == []
    groups = hd.sr.srread(path).content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    assert len(groups) == 2
    for number, group in enumerate(groups, 1):
        (area,) = group.get_measurements()
        assert (area.name.meaning, area.unit.value) == ("Area", "{pixels}")
        assert area.value == np.count_nonzero(mask == number)
        item = group.referenced_segmentation_frame[0].ReferencedSOPSequence[0]
        assert item.ReferencedSOPInstanceUID == uid_of("dicom-seg", mask, scan, LABELS)
        assert item.ReferencedFrameNumber == number


def test_numbered_objects_are_measured_together(tmp_path: Path) -> None:
    scan, path = scan_of(series()), tmp_path / "a.sr.dcm"
    mask = (np.arange(840).reshape(10, 12, 7) % 5 == 0) * np.arange(840).reshape(10, 12, 7)
    told = mask_description("nucleus", instances=True)
    write_object(path, "dicom-sr", mask.astype(np.uint32), scan, told, None, MADE_AT)
    (group,) = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()  # type: ignore[attr-defined]
    volume = np.count_nonzero(mask) * SPACING[0] * SPACING[1] * GAP / 1000
    assert group.get_measurements()[0].value == pytest.approx(volume)


def test_the_same_twice_and_what_is_refused(tmp_path: Path) -> None:
    scan, mask = scan_of(series()), blobs().transpose(2, 1, 0)
    for name in ("a.dcm", "b.dcm"):
        write_object(tmp_path / name, "dicom-sr", mask, scan, LABELS, None, MADE_AT)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    with pytest.raises(BadRequest, match="not measure every label"):
        write_object(tmp_path / "c.dcm", "dicom-sr", mask, scan, LABELS, {"labels": []}, MADE_AT)
    assert not (tmp_path / "c.dcm").exists()
