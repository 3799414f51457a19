"""Structured Reports of the measurements, read again by highdicom."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sr.codedict import codes

from imaging.errors import BadRequest
from imaging.formats.dicom.objects import write_object
from imaging.measure import measure
from imaging.reader_measurements.grid import MeasuredGrid
from imaging.reader_measurements.measurement import MeasurementKind, Point, ReaderMeasurement
from imaging.reader_measurements.review_measurements import ReviewMeasurements, read
from imaging.reader_measurements.size import measured
from imaging.scan import Scan
from tests.support.dicom.headers import (
    GAP,
    MADE_AT,
    ORIENTATIONS,
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


def read_by(scan: Scan, *drawn: ReaderMeasurement) -> ReviewMeasurements:
    sized = measured(drawn, MeasuredGrid.of(scan))
    return read(scan, "a review", "Dr. A^B Größe", sized)


def at(scan: Scan, *voxels: tuple[float, ...]) -> tuple[Point, ...]:
    moved = np.array(voxels) @ scan.affine[:3, :3].T + scan.affine[:3, 3]
    return tuple((float(x), float(y), float(z)) for x, y, z in moved)


@pytest.mark.system
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_what_a_reader_drew_is_where_it_was(tmp_path: Path, modality: str) -> None:
    """On an oblique series: the points in the patient's space, the numbers with codes and units."""
    acquired = series(ORIENTATIONS["oblique"])
    acquired.kept.headers[0].Modality = modality
    values = np.random.default_rng(8).integers(-900, 900, (1, 10, 12, 7)).astype(np.int16)
    scan = replace(scan_of(acquired), reader=lambda box: values[(slice(None), *box.slices)])
    mask, path = blobs().transpose(2, 1, 0), tmp_path / "a.sr.dcm"
    line = ReaderMeasurement("l", MeasurementKind.LENGTH, "Länge", at(scan, (1, 2, 3), (6, 2, 3)))
    angle = ReaderMeasurement(
        "a", MeasurementKind.ANGLE, "", at(scan, (1, 2, 3), (6, 2, 3), (6, 9, 3))
    )
    corners = at(scan, (2, 3, 1), (6, 3, 1), (6, 3, 5), (2, 3, 5))
    box = ReaderMeasurement("b", MeasurementKind.RECTANGLE, "box", corners)
    ends = at(scan, (4, 5, 2), (5, 5, 2), (4.5, 1, 2), (4.5, 9, 2))
    oval = ReaderMeasurement("e", MeasurementKind.ELLIPSE, "", ends)
    probe = ReaderMeasurement("p", MeasurementKind.PROBE, "", at(scan, (3, 4, 5)))
    of_reader = read_by(scan, line, angle, box, oval, probe)
    write_object(path, "dicom-sr", mask, scan, LABELS, None, MADE_AT, of_reader)
    assert faults(path) == []
    report = hd.sr.srread(path)
    content = report.content
    frame = acquired.kept.headers[0].FrameOfReferenceUID
    lines = {group.tracking_identifier: group for group in content.get_image_measurement_groups()}  # type: ignore[attr-defined]
    sized = {"Länge": ("Length", "mm", line), "angle": ("Angle", "deg", angle)}
    for name, (meaning, unit, drawn) in sized.items():
        (number,) = lines[name].get_measurements()
        assert (number.name.meaning, number.unit.value) == (meaning, unit)
        check_points(number.referenced_coordinates[0], drawn.points, frame)
    assert lines["Länge"].get_measurements()[0].value == pytest.approx(5 * SPACING[1])
    assert lines["angle"].get_measurements()[0].value == pytest.approx(90)
    (value,) = lines["probe"].get_measurements()
    known = ("Attenuation Coefficient", "[hnsf'U]")
    quantity = known if modality == "CT" else ("MR signal intensity", "1")
    assert (value.value, value.name.meaning, value.unit.value) == (values[0, 3, 4, 5], *quantity)
    regions = content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    for group, points in zip(
        regions, ((*corners, corners[0]), (*ends[2:], *ends[:2])), strict=True
    ):
        check_points(group.roi, points, frame)
    part = values[0, 2:7, 3, 1:6]
    area, *figures = regions[0].get_measurements()
    assert area.name == codes.SCT.Area
    assert area.value == pytest.approx(4 * SPACING[1] * 4 * GAP)
    assert [one.derivation.meaning for one in figures] == [
        *("Mean", "Standard Deviation", "Minimum", "Maximum")
    ]
    assert [one.value for one in figures] == pytest.approx(
        [part.mean(), part.std(), part.min(), part.max()]
    )
    assert {one.name for one in figures} == {value.name}
    names = [one.PersonName for one in dcmread(path).ContentSequence if "PersonName" in one]
    assert [str(name) for name in names] == ["Dr. A B Größe"]
    uids = {group.tracking_uid for group in (*lines.values(), *regions)}
    assert len(uids) == len(LABELS.segments) - 2 + 5


def check_points(item: hd.sr.Scoord3DContentItem, points: Sequence[Point], frame: str) -> None:
    assert np.array(item.value) == pytest.approx(np.array(points) * (-1, -1, 1), abs=1e-3)
    assert item.ReferencedFrameOfReferenceUID == frame


@pytest.mark.system
def test_measurements_of_a_picture_are_in_its_pixels(tmp_path: Path) -> None:
    acquired = picture()
    scan, mask, path = scan_of(acquired), blobs()[3], tmp_path / "a.sr.dcm"
    line = ReaderMeasurement("l", MeasurementKind.LENGTH, "", ((1, 2, 0), (4, 6, 0)))
    corners: tuple[Point, ...] = ((1, 2, 0), (4, 2, 0), (4, 6, 0), (1, 6, 0))
    box = ReaderMeasurement("b", MeasurementKind.RECTANGLE, "", corners)
    of_reader = read_by(scan, line, box)
    write_object(path, "dicom-sr", mask, scan, LABELS, None, MADE_AT, of_reader)
    assert faults(path) == []
    content = hd.sr.srread(path).content
    group = content.get_image_measurement_groups(tracking_uid=None)[-1]  # type: ignore[attr-defined]
    (length,) = group.get_measurements()
    assert (length.value, length.unit.value) == (5, "{pixels}")
    assert length.referenced_coordinates[0].value.tolist() == [[1.5, 2.5], [4.5, 6.5]]
    region = content.get_planar_roi_measurement_groups()[-1].roi  # type: ignore[attr-defined]
    assert region.value.tolist()[:2] == [[1.5, 2.5], [4.5, 2.5]]
    (image,) = region.ContentSequence
    source = image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert source == acquired.kept.headers[0].SOPInstanceUID


def test_another_measurement_makes_another_object(tmp_path: Path) -> None:
    scan, mask = scan_of(series()), blobs().transpose(2, 1, 0)
    ends = at(scan, (1, 2, 3), (6, 2, 3)), at(scan, (1, 2, 3), (5, 2, 3))
    uids = set()
    for points in (*ends, None):
        drawn = (
            () if points is None else (ReaderMeasurement("l", MeasurementKind.LENGTH, "", points),)
        )
        of_reader = read_by(scan, *drawn) if drawn else None
        write_object(tmp_path / "a", "dicom-sr", mask, scan, LABELS, None, MADE_AT, of_reader)
        uids.add(dcmread(tmp_path / "a").SOPInstanceUID)
    assert len(uids) == 3
