"""De-identification: nothing of the patient is left, everything of the geometry is."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread, dcmwrite
from pydicom.data import get_testdata_files
from pydicom.dataset import FileMetaDataset

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.deidentify import deidentify, deidentify_file, new_uid, pseudonym
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, PATIENT, as_bytes, series, written

SECRET = b"s" * 32
IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "OtherPatientNames"),
    *("PatientAddress", "PatientTelephoneNumbers", "PatientMotherBirthName", "AccessionNumber"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "StudyID"),
    *("InstitutionName", "InstitutionAddress", "StationName", "RequestingPhysician"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"),
    *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "DeviceSerialNumber"),
    *("StudyDescription", "SeriesDescription", "PatientComments", "ImageComments"),
)
GEOMETRY = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept", "Rows", "Columns"),
    *("BitsStored", "PixelRepresentation", "NumberOfFrames", "ImageType", "Modality"),
    *("WindowCenter", "WindowWidth", "PatientPosition", "SOPClassUID", "GantryDetectorTilt"),
)
KEPT = ("Manufacturer",)
"""The table leaves it; a test file bears the same word as its institution's name."""


def _read(path: str) -> Dataset | None:
    """What has an image's UIDs and can be written as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = dcmread(path)
            as_bytes(found)
        except Exception:  # noqa: BLE001 - broken on purpose
            return None
    return found if "SOPInstanceUID" in found and "SOPClassUID" in found else None


FILES = sorted(
    {path for path in get_testdata_files() if Path(path).suffix in (".dcm", "") and _read(path)}
)


def _values(found: Dataset, keyword: str) -> set[bytes]:
    """Every value that an attribute has anywhere, long enough that it cannot be there by chance."""
    raw = {
        str(element.value).strip()
        for element in found.iterall()
        if element.keyword == keyword and element.VR != "SQ"
    }
    named = {part for value in raw for part in value.replace("^", "\\").split("\\")}
    return {text.encode() for text in raw | named if len(text) >= 6}


def test_there_is_much_to_look_at() -> None:
    assert len(FILES) > 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: Path(path).name)
def test_no_value_is_left(path: str) -> None:
    """Given a file that pydicom carries, no identifying value is in the bytes of the result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original, found = dcmread(path), dcmread(path)
        deidentify(found, SECRET)
        out = io.BytesIO()
        dcmwrite(out, found, enforce_file_format=True)
        head = dcmread(io.BytesIO(out.getvalue()))
        pixels, rest = head.get("PixelData"), out.getvalue()
        if isinstance(pixels, bytes):
            rest = rest.replace(pixels, b"")
        kept = [str(n.value).encode() for n in head.iterall() if n.keyword in (*GEOMETRY, *KEPT)]
        for keyword in IDENTIFYING:
            for value in _values(original, keyword):
                if not any(value in other for other in kept):
                    assert value not in rest, keyword
        for keyword in GEOMETRY:
            assert found.get(keyword) == original.get(keyword), keyword
        if "PixelData" in original:
            assert head.PixelData == original.PixelData
        assert not any(element.tag.is_private for element in head.iterall())
        assert head.PatientIdentityRemoved == "YES"
        assert head.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_a_series_stays_a_series() -> None:
    """The same patient, study, series and frame of reference, in this upload and the next."""
    images, again = series(), series()
    for image in images + again:
        deidentify(image, SECRET)
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID"):
        assert len({str(image[keyword].value) for image in images + again}) == 1, keyword
    assert len({image.SOPInstanceUID for image in images}) == len(images)
    assert [n.SOPInstanceUID for n in images] == [n.SOPInstanceUID for n in again]
    assert all(n.file_meta.MediaStorageSOPInstanceUID == n.SOPInstanceUID for n in images)
    others = series(seed=2)
    for image in others:
        deidentify(image, SECRET)
    assert others[0].PatientID == images[0].PatientID
    assert others[0].SeriesInstanceUID != images[0].SeriesInstanceUID
    stranger = series()[0]
    deidentify(stranger, b"another secret")
    assert stranger.PatientID != images[0].PatientID
    assert stranger.SOPInstanceUID != images[0].SOPInstanceUID


def test_references_lead_to_the_new_uids() -> None:
    """What lies in sequences is treated as what lies outside: UIDs, names and private elements."""
    image, other = series()[0], series()[1]
    item = Dataset()
    item.ReferencedSOPClassUID = other.SOPClassUID
    item.ReferencedSOPInstanceUID = other.SOPInstanceUID
    item.PatientName = PATIENT
    item.add_new(0x00091001, "LO", NUMBER)
    image.ReferencedImageSequence = Sequence([item])
    image.OtherPatientIDsSequence = Sequence([Dataset()])
    image.OtherPatientIDsSequence[0].PatientID = NUMBER
    image.add_new(0x00090010, "LO", "SOMEBODY")
    image.add_new(0x00091001, "LO", NUMBER)
    image.add_new(0x60003000, "OW", b"\1\0" * 64)
    deidentify(image, SECRET)
    deidentify(other, SECRET)
    (kept,) = image.ReferencedImageSequence
    assert kept.ReferencedSOPInstanceUID == other.SOPInstanceUID
    assert kept.ReferencedSOPClassUID == other.SOPClassUID
    assert "OtherPatientIDsSequence" not in image
    content = as_bytes(image)
    for text in (
        PATIENT,
        NUMBER,
        DESCRIPTION,
        "Norma",
        "ACC-99",
        "SOMEBODY",
        "20260302",
        "19700101",
    ):
        assert text.encode() not in content
    np.testing.assert_array_equal(image.ImagePositionPatient, series()[0].ImagePositionPatient)


def test_burned_in_names_are_refused() -> None:
    image = series(BurnedInAnnotation="YES")[0]
    with pytest.raises(UnsupportedScan) as refused:
        deidentify(image, SECRET)
    assert PATIENT not in str(refused.value)


def test_uids_and_pseudonyms() -> None:
    assert new_uid("1.2.840.10008.1.2", SECRET) == "1.2.840.10008.1.2"
    made = new_uid("1.2.3", SECRET)
    assert made.is_valid
    assert made == new_uid("1.2.3", SECRET)
    assert made.startswith("2.25.")
    assert made != new_uid("1.2.4", SECRET)
    assert len(pseudonym("patient", "x", SECRET)) == 16
    assert pseudonym("patient", "", SECRET) == ""
    assert pseudonym("patient", "x", SECRET) != pseudonym("accession", "x", SECRET)


def test_unnamed_stays_unnamed() -> None:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.SOPInstanceUID, image.SOPClassUID = "1.2.3", "1.2.840.10008.5.1.4.1.1.4"
    image.PatientName = image.PatientID = ""
    deidentify(image, SECRET)
    assert image.PatientID == ""


def test_files(tmp_path: Path) -> None:
    """Copies of the same bytes every time; a damaged file is refused, not passed on."""
    (path,) = written(series(1), tmp_path)
    for out in ("one", "two"):
        deidentify_file(path, tmp_path / out, SECRET)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UnreadableScan):
        deidentify_file(path, tmp_path / "one", SECRET)


LEFT: dict[str, str] = {
    "PatientBirthDateInAlternativeCalendar": "S39-02-03",
    "PlacerOrderNumberProcedure": "order 4711",
    "FrameOfInterestDescription": "Norma's lesion",
    "PartialViewDescription": "Norma moved",
    "InterventionDescription": "by Dr. Ada",
    "RetrieveURL": "http://pacs.example.org/norma",
    "MultiFrameSourceSOPInstanceUID": "1.2.3.4711",
    "SOPInstanceUIDOfConcatenationSource": "1.2.3.4712",
    "VolumeFrameOfReferenceUID": "1.2.3.4713",
}


@pytest.mark.parametrize("keyword", LEFT)
def test_what_the_table_leaves(keyword: str) -> None:
    """Attributes that Table E.1-1 does not list, and that say who it is all the same."""
    image = series()[0]
    setattr(image, keyword, LEFT[keyword])
    deidentify(image, b"secret")
    assert image.SOPClassUID.name == "MR Image Storage"
    assert LEFT[keyword] not in str(image)


def test_an_overlay_goes_as_a_whole() -> None:
    image = series()[0]
    image.add_new(0x60000010, "US", 9)
    image.add_new(0x60000022, "LO", "Norma")
    image.add_new(0x60001500, "LO", "Norma")
    image.add_new(0x60000102, "US", 0)
    image.add_new(0x60003000, "OW", b"Norma\0")
    deidentify(image, b"secret")
    assert not [tag for tag in image.keys() if tag.group == 0x6000]  # noqa: SIM118 - a data set's


def test_an_overlay_within_the_pixels_is_refused() -> None:
    """What is drawn into spare bits stays in the pixels when its attributes go."""
    image = series()[0]
    image.add_new(0x60000010, "US", 9)
    image.add_new(0x60000102, "US", 12)
    with pytest.raises(UnsupportedScan, match="overlay"):
        deidentify(image, b"secret")
