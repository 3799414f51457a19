"""A SEG gives the mask back, voxel for voxel and at its place, to highdicom and to dcmqi."""

from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import highdicom as hd
import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import generate_uid

from imaging.errors import BadRequest
from imaging.formats.dicom import seg_frames
from imaging.formats.dicom.objects import write_object
from imaging.formats.dicom.planes import Planes
from imaging.scan import in_memory
from tests.support.dicom.headers import (
    MADE_AT,
    ORIENTATIONS,
    SHAPE,
    Acquired,
    affine_of,
    blobs,
    mask_description,
    picture,
    scan_of,
    series,
)
from tests.support.dicom.objects import uid_of
from tests.support.dicom.validators import faults, in_world, itk_image

FORMS = {"dicom-seg": "BINARY", "dicom-labelmap": "LABELMAP"}
Form = Literal["dicom-seg", "dicom-labelmap"]
LABELS = mask_description("Größe", "liver", "not there")


def on_grid(mask: np.ndarray) -> np.ndarray:
    """(planes, rows, columns) -> (i, j, k)."""
    return mask.transpose(2, 1, 0)


def written(
    path: Path, form: str, mask: np.ndarray, acquired: Acquired, told: Any = LABELS
) -> hd.seg.Segmentation:
    write_object(path, form, mask, scan_of(acquired), told, None, MADE_AT)
    return hd.seg.segread(path)


@pytest.mark.system
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_both_readers_find_every_voxel_at_its_place(
    tmp_path: Path, orientation: str, backwards: bool, enhanced: bool, form: Form
) -> None:
    acquired = series(ORIENTATIONS[orientation], backwards=backwards, enhanced=enhanced)
    mask = on_grid(blobs())
    expected = in_world(mask, affine_of(acquired))
    path = tmp_path / "mask.dcm"
    seg = written(path, form, mask, acquired)
    assert seg.segmentation_type.value == FORMS[form]
    if form == "dicom-seg":
        assert faults(path) == []
    volume = seg.get_volume(combine_segments=True)
    lps = np.diag([-1, -1, 1, 1]) @ volume.affine
    assert in_world(volume.array, lps) == expected
    numbers, affine = itk_image(path, tmp_path / "itk")
    assert in_world(numbers, affine) == expected


@pytest.mark.parametrize("form", FORMS)
def test_frames_name_the_planes_that_they_lie_on(tmp_path: Path, form: Form) -> None:
    for acquired in (series(), series(enhanced=True)):
        mask = blobs()
        seg = written(tmp_path / "mask.dcm", form, on_grid(mask), acquired)
        for plane, (number, frame) in enumerate(acquired.kept.frames):
            instance = acquired.kept.headers[number].SOPInstanceUID
            if "NumberOfFrames" in acquired.kept.headers[number]:
                found = seg.get_pixels_by_source_frame(
                    instance, [frame + 1], combine_segments=True,
                    assert_missing_frames_are_empty=True,
                )  # fmt: skip
            else:
                found = seg.get_pixels_by_source_instance(
                    [instance], combine_segments=True, assert_missing_frames_are_empty=True
                )
            assert np.array_equal(found[0], mask[plane])
        header = acquired.kept.headers[0]
        assert seg.StudyInstanceUID == header.StudyInstanceUID
        assert seg.FrameOfReferenceUID == header.FrameOfReferenceUID
        listed = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        assert [item.ReferencedSOPInstanceUID for item in listed] == [
            header.SOPInstanceUID for header in acquired.kept.headers
        ]
        assert {item.ReferencedSOPClassUID for item in listed} == {header.SOPClassUID}


def test_who_says_so_and_what_the_segments_are(tmp_path: Path) -> None:
    seg = written(tmp_path / "mask.dcm", "dicom-seg", on_grid(blobs()), series())
    assert (str(seg.PatientName), seg.PatientID) == ("Müller^Jörg", "P1")
    assert (seg.StudyDate, seg.AccessionNumber) == ("20200102", "A1")  # type: ignore[comparison-overlap]
    assert seg.Manufacturer == "Tessera"
    assert seg.number_of_segments == 2, "a label without voxels is left out"
    second = seg.get_segment_description(2)
    assert second.segment_label == "liver"
    assert second.algorithm_type.value == "AUTOMATIC"
    assert second.algorithm_identification.name == "blobs-3d"
    assert second.algorithm_identification.version == "2"
    assert second.segmented_property_category.value == "123037004"
    assert second.segmented_property_type == hd.sr.CodedConcept("10200004", "SCT", "Liver")
    (side,) = second.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert side.CodeValue == "7771000"
    assert seg.get_segment_description(1).segment_label == "Größe"


def test_the_display_color_is_the_cards(tmp_path: Path) -> None:
    """#3182bd in CIELab under D50, as LittleCMS has it."""
    seg = written(tmp_path / "mask.dcm", "dicom-seg", on_grid(blobs()), series())
    color = np.array(seg.get_segment_description(2).RecommendedDisplayCIELabValue, float)
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    pixel = ImageCms.applyTransform(Image.new("RGB", (1, 1), "#3182bd"), to_lab)
    lightness, a, b = np.frombuffer(pixel.tobytes(), np.uint8)
    expected = np.array([int(lightness) * 100 / 255, np.int8(a), np.int8(b)])
    assert np.allclose(color / [655.35, 257, 257] - [0, 128, 128], expected, atol=1)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_mask_is_the_same_object(tmp_path: Path, form: Form) -> None:
    acquired, mask = series(), on_grid(blobs())
    made = []
    for name, values in (("a.dcm", mask), ("b.dcm", mask.astype(np.uint16).copy("F"))):
        written(tmp_path / name, form, values, acquired)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    scan = scan_of(acquired)
    own = uid_of(form, mask, scan, LABELS)
    assert dcmread(tmp_path / "a.dcm").SOPInstanceUID == own
    assert own.startswith("2.25.")
    assert len(own) <= 64
    other = mask.copy()
    other[3, 3, 3] ^= 1
    elsewhere = scan_of(series())
    different = {
        own,
        uid_of("dicom-rtstruct", mask, scan, LABELS),
        uid_of(form, other, scan, LABELS),
        uid_of(form, mask, elsewhere, LABELS),
        uid_of(form, mask, scan, mask_description("a", "b", "c", instances=True)),
    }
    assert len(different) == 5


def test_numbers_with_gaps(tmp_path: Path) -> None:
    """A BINARY object numbers its segments without gaps, a LABELMAP as the mask does."""
    told = mask_description("a", "b", numbers=(40, 7))
    mask = np.array([0, 40, 7], np.uint8)[blobs()]
    acquired = series()
    seg = written(tmp_path / "a.dcm", "dicom-seg", on_grid(mask), acquired, told)
    assert [seg.get_segment_description(n).segment_label for n in (1, 2)] == ["b", "a"]
    found = seg.get_volume(combine_segments=True).array
    assert np.array_equal(np.sort(np.unique(found)), [0, 1, 2])
    assert np.count_nonzero(found == 2) == np.count_nonzero(mask == 40)
    seg = written(tmp_path / "b.dcm", "dicom-labelmap", on_grid(mask), acquired, told)
    assert np.array_equal(np.unique(seg.get_volume(combine_segments=True).array), [0, 7, 40])


@pytest.mark.process
def test_more_than_255_labels(tmp_path: Path) -> None:
    told = mask_description("a", "b", numbers=(1, 300))
    mask = np.array([0, 300, 1], np.uint16)[blobs()]
    acquired = series()
    seg = written(tmp_path / "a.dcm", "dicom-labelmap", on_grid(mask), acquired, told)
    assert seg.BitsAllocated == 16
    volume = seg.get_volume(combine_segments=True)
    expected = in_world(on_grid(mask), affine_of(acquired))
    assert in_world(volume.array, np.diag([-1, -1, 1, 1]) @ volume.affine) == expected
    numbers, affine = itk_image(tmp_path / "a.dcm", tmp_path / "itk")
    assert in_world(numbers, affine) == expected


def test_numbered_objects_are_one_segment(tmp_path: Path) -> None:
    mask = np.arange(np.prod(SHAPE), dtype=np.uint32).reshape(SHAPE) * (blobs() > 0)
    told = mask_description("nucleus", instances=True)
    seg = written(tmp_path / "a.dcm", "dicom-seg", on_grid(mask), series(), told)
    assert seg.number_of_segments == 1
    found = seg.get_volume(combine_segments=True).array
    assert np.count_nonzero(found) == np.count_nonzero(mask)


@pytest.mark.system
@pytest.mark.parametrize("form", FORMS)
def test_an_empty_mask_says_what_was_looked_for(tmp_path: Path, form: Form) -> None:
    path = tmp_path / "a.dcm"
    seg = written(path, form, np.zeros(SHAPE[::-1], np.uint8), series())
    labels = [item.SegmentLabel for item in seg.SegmentSequence if item.SegmentNumber]
    assert labels == ["Größe", "liver", "not there"]
    assert not seg.get_volume(combine_segments=True).array.any()
    if form == "dicom-seg":
        assert faults(path) == []
        assert seg.NumberOfFrames == 3


@pytest.mark.system
@pytest.mark.parametrize("form", FORMS)
def test_a_picture_without_a_place_in_space(tmp_path: Path, form: Form) -> None:
    acquired, mask, path = picture(), blobs()[3], tmp_path / "a.dcm"
    seg = written(path, form, mask, acquired)
    instance = acquired.kept.headers[0].SOPInstanceUID
    found = seg.get_pixels_by_source_instance([instance], combine_segments=True)
    assert np.array_equal(found[0], mask)
    if form == "dicom-seg":
        assert faults(path) == []


def test_frames_whose_bits_do_not_fill_bytes(tmp_path: Path) -> None:
    """Frames follow each other without padding (PS3.5, 8.2): 3 x 5 x 7 = 105 bits a segment."""
    mask = blobs((3, 5, 7))
    seg = written(tmp_path / "a.dcm", "dicom-seg", on_grid(mask), series(shape=(3, 5, 7)))
    assert np.array_equal(
        seg.get_pixels_by_source_instance(
            [item.ReferencedSOPInstanceUID for item in seg.SourceImageSequence],
            combine_segments=True, assert_missing_frames_are_empty=True,
        ),
        mask,
    )  # fmt: skip


def test_several_enhanced_instances(tmp_path: Path) -> None:
    """One volume may lie in several multi-frame instances, its planes in any order."""
    whole = series(enhanced=True).kept.headers[0]
    parts = [deepcopy(whole) for _ in range(2)]
    for part, chosen in zip(parts, ((1, 3, 5), (0, 2, 4, 6)), strict=True):
        part.SOPInstanceUID = generate_uid()
        part.PerFrameFunctionalGroupsSequence = [
            whole.PerFrameFunctionalGroupsSequence[n] for n in chosen
        ]
        part.NumberOfFrames = len(chosen)
    order = ((1, 0), (0, 0), (1, 1), (0, 1), (1, 2), (0, 2), (1, 3))
    acquired = Acquired(Planes(tuple(parts), order))
    mask = blobs()
    seg = written(tmp_path / "a.dcm", "dicom-seg", on_grid(mask), acquired)
    volume = seg.get_volume(combine_segments=True)
    lps = np.diag([-1, -1, 1, 1]) @ volume.affine
    expected = in_world(on_grid(mask), affine_of(series(enhanced=True)))
    assert in_world(volume.array, lps) == expected
    found = seg.get_pixels_by_source_frame(
        parts[0].SOPInstanceUID, [1, 2, 3], combine_segments=True,
        assert_missing_frames_are_empty=True, ignore_spatial_locations=True,
    )  # fmt: skip
    assert np.array_equal(found, mask[1::2])


def test_what_cannot_be_told_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, mask = tmp_path / "a.dcm", on_grid(blobs())
    scan = scan_of(series())
    with pytest.raises(BadRequest, match="scan is not DICOM"):
        write_object(path, "dicom-seg", mask, in_memory(mask[None]), LABELS, None, MADE_AT)
    with pytest.raises(BadRequest, match="not a label"):
        write_object(path, "dicom-seg", mask, scan, mask_description("a"), None, MADE_AT)
    told = mask_description("a", "b", numbers=(1, 3))
    with pytest.raises(BadRequest, match="not a label"):
        write_object(path, "dicom-labelmap", mask, scan, told, None, MADE_AT)
    with pytest.raises(BadRequest, match="form of DICOM object is unknown"):
        write_object(path, "dicom-pdf", mask, scan, LABELS, None, MADE_AT)
    monkeypatch.setattr(seg_frames, "_MOST_BYTES", 100)
    with pytest.raises(BadRequest, match="segments take"):
        write_object(path, "dicom-seg", mask, scan, LABELS, None, MADE_AT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.system
def test_headers_that_lack_something(tmp_path: Path) -> None:
    """No frame of reference, no patient, dates of DICOM's forerunner, one frame that is none."""
    acquired, path = series(), tmp_path / "a.dcm"
    for header in acquired.kept.headers:
        del header.FrameOfReferenceUID, header.PatientName, header.PatientBirthDate
        header.StudyDate, header.StudyTime = "1997.04.24", "14:04:38"
        header.NumberOfFrames = 1
        header.add_new("PatientAge", "AS", "42")
        header.add_new("PatientSex", "CS", "männlich")
        header.PatientIdentityRemoved, header.DeidentificationMethod = "YES", ""
    mask = on_grid(blobs())
    for form in ("dicom-labelmap", "dicom-seg", "dicom-rtstruct", "dicom-sr"):
        write_object(path, form, mask, scan_of(acquired), LABELS, None, MADE_AT)
        if form != "dicom-labelmap":
            assert faults(path) == []
        dataset = dcmread(path)
        assert (dataset.StudyDate, dataset.StudyTime) == ("19970424", "140438")
        assert dataset.PatientName == ""
        assert dataset.PatientIdentityRemoved == "YES"
    write_object(path, "dicom-seg", mask, scan_of(acquired), LABELS, None, MADE_AT)
    numbers, affine = itk_image(path, tmp_path / "itk")
    assert in_world(numbers, affine) == in_world(mask, affine_of(acquired))


@pytest.mark.parametrize("given", ["", "1.2\\3.4"])
def test_images_without_a_uid_cannot_be_referred_to(tmp_path: Path, given: str) -> None:
    """Given none, or several, as a fuzzer found them."""
    acquired = series()
    acquired.kept.headers[3].SOPInstanceUID = given.split("\\")
    with pytest.raises(BadRequest, match="no UID"):
        uid_of("dicom-seg", on_grid(blobs()), scan_of(acquired), LABELS)


@pytest.mark.parametrize("form", ["dicom-seg", "dicom-rtstruct", "dicom-sr"])
def test_values_that_cannot_be_decoded_are_left_out(tmp_path: Path, form: str) -> None:
    """Given value representations that do not exist, as a fuzzer found them."""
    acquired, path = series(), tmp_path / "a.dcm"
    codes = Dataset()
    codes[0x00080100] = _unknown(0x00080100)
    codes.CodeMeaning = "kept"
    for header in acquired.kept.headers:
        header.IssuerOfPatientIDQualifiersSequence = [codes]
        for tag in (0x00100020, 0x00101010, 0x00080201):  # id, age, time zone
            header[tag] = _unknown(tag)
    write_object(path, form, on_grid(blobs()), scan_of(acquired), LABELS, None, MADE_AT)
    written_object = dcmread(path)
    assert written_object.PatientID == ""
    assert "PatientAge" not in written_object
    assert "TimezoneOffsetFromUTC" not in written_object
    (item,) = written_object.IssuerOfPatientIDQualifiersSequence
    assert [element.keyword for element in item] == ["CodeMeaning"]


def _unknown(tag: int) -> RawDataElement:
    """An element as pydicom reads it from a file, with a VR that does not exist."""
    return RawDataElement(BaseTag(tag), "Z\x7f", 2, b"42", 0, False, True)


@pytest.mark.parametrize("form", ["dicom-seg", "dicom-rtstruct"])
def test_several_frames_of_reference_are_none(tmp_path: Path, form: str) -> None:
    acquired, path, given = series(), tmp_path / "a.dcm", set()
    for frames in (["1.2", "3.4"], None):
        for header in acquired.kept.headers:
            header.FrameOfReferenceUID = frames
        write_object(path, form, on_grid(blobs()), scan_of(acquired), LABELS, None, MADE_AT)
        given.add(dcmread(path).FrameOfReferenceUID)
    assert len(given) == 1


def test_times_are_the_sources_zones_where_it_tells(tmp_path: Path) -> None:
    acquired, path = series(), tmp_path / "a.dcm"
    for header in acquired.kept.headers:
        header.TimezoneOffsetFromUTC = "-0330"
    seg = written(path, "dicom-seg", on_grid(blobs()), acquired)
    assert (seg.ContentDate, seg.ContentTime) == ("20231114", "184320")  # type: ignore[comparison-overlap] # 22:13:20 UTC
    assert seg.TimezoneOffsetFromUTC == "-0330"
