"""De-identification: nothing of the patient is left, everything of the geometry is."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.tag import Tag
from pydicom.uid import (
    MPEG2MPML,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.deidentify import deidentify, deidentify_file
from imaging.formats.dicom.pseudonyms import new_uid, pseudonym
from tests.support.dicom.files import pydicom_file, pydicom_files
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


def _read(path: Path) -> Dataset | None:
    """What has an image's UIDs and can be written as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = dcmread(path)
            as_bytes(found)
        except Exception:  # noqa: BLE001 - broken on purpose
            return None
    return found if "SOPInstanceUID" in found and "SOPClassUID" in found else None


DAMAGED = ("JPEG2000-embedded-sequence-delimiter.dcm", "badVR.dcm")
"""Files that are not read as scans either: of another size, with a number that is none."""
FILES = [
    path
    for path in pydicom_files()
    if path.suffix in (".dcm", "") and path.name not in DAMAGED and _read(path)
]


def _values(found: Dataset, keyword: str) -> set[bytes]:
    """Every value that an attribute has anywhere, long enough that it cannot be there by chance."""
    raw = {
        str(element.value).strip()
        for element in found.iterall()
        if element.keyword == keyword and element.VR != "SQ"
    }
    named = {part for value in raw for part in value.replace("^", "\\").split("\\")}
    return {text.encode() for text in raw | named if len(text) >= 6}


def _same_pixels(original: Dataset, found: Dataset) -> None:
    """What is stored differently is decoded to the same values by pydicom."""
    arrays = [pixel_array(one, raw=True) for one in (original, found)]
    assert arrays[0].dtype == arrays[1].dtype
    np.testing.assert_array_equal(arrays[0], arrays[1])


def test_there_is_much_to_look_at() -> None:
    assert len(FILES) > 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_value_is_left(path: Path) -> None:
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
        if "PixelData" in original and head.PixelData != original.PixelData:
            _same_pixels(original, head)
        assert not any(element.tag.is_private for element in head.iterall())
        assert head.PatientIdentityRemoved == "YES"
        assert head.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_pixels_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableScan, match="damaged"):
        deidentify_file(pydicom_file(name), tmp_path / "out", SECRET)


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


OTHER_KINDS = (
    ("KVP", "DS", b"Norma^Nobody"),
    ("ExposureTime", "IS", b"12\\Nora"),
    ("ImagesInAcquisition", "IS", b"Norma "),
    ("EchoTime", "DS", b"3.5\\7\\19 471"),
    ("AnodeTargetMaterial", "CS", b"Norma^Nobody"),
    ("BodyPartExamined", "CS", b"KNEE OF NORMA NOBODY"),
    ("SeriesNumber", "US", b"Norma Nobody"),
    ("TubeAngle", "FD", b"Norma Nobody 4711"[:16]),
    ("BodyPartExamined", "CS", b"NORMA\\NOBODY\\4711 "),
    ("SmallestImagePixelValue", "US", b"NORMA NO"),
    # VRs that the attribute does not have
    ("AcquisitionDuration", "AS", b"NORMA^NOBODY1950"),
    ("AcquisitionDuration", "CS", b"NORMA 19500101"),
    ("ScanningSequence", "AS", b"NORMA^NOBODY1950"),
)
"""Attribute, VR in the file, and a value that the attribute cannot have."""


@pytest.mark.parametrize(
    ("keyword", "vr", "value", "syntax"),
    [
        *((*case, ImplicitVRLittleEndian) for case in OTHER_KINDS),
        *((*case, ExplicitVRLittleEndian) for case in OTHER_KINDS),
        ("ScanningSequence", "DS", b"19500101", ExplicitVRLittleEndian),  # else it is a code
    ],
)
def test_a_value_of_another_kind_goes(
    tmp_path: Path, keyword: str, vr: str, value: bytes, syntax: UID
) -> None:
    """Given what no attribute of its kind can hold, nothing of it is left."""
    image = series()[0]
    image.file_meta.TransferSyntaxUID = syntax
    if keyword in image:
        del image[keyword]
    image.StationName = value.decode()
    tags = [
        Tag(name).group.to_bytes(2, "little") + Tag(name).elem.to_bytes(2, "little")
        for name in ("StationName", keyword)
    ]
    if not syntax.is_implicit_VR:
        tags = [tags[0] + b"SH", tags[1] + vr.encode()]
    content = as_bytes(image)
    assert content.count(tags[0]) == 1
    content = content.replace(tags[0], tags[1])
    assert value in content
    (tmp_path / "in").write_bytes(content)
    deidentify_file(tmp_path / "in", tmp_path / "out", SECRET)
    assert value not in (tmp_path / "out").read_bytes()


def test_an_overlay_goes_as_a_whole() -> None:
    image = series()[0]
    image.add_new(0x60000010, "US", 9)
    image.add_new(0x60000022, "LO", "Norma")
    image.add_new(0x60001500, "LO", "Norma")
    image.add_new(0x60000102, "US", 0)
    image.add_new(0x60003000, "OW", b"Norma\0")
    deidentify(image, b"secret")
    assert not [tag for tag in image.keys() if tag.group == 0x6000]  # noqa: SIM118 - a data set's


@pytest.mark.parametrize(("bit", "allocated"), [(11, 16), (3, 16), (0, 16)])
def test_an_overlay_within_the_values_is_refused(bit: int, allocated: int) -> None:
    """What is drawn into bits of the values themselves cannot be told from them."""
    image = series()[0]
    image.add_new(0x60000010, "US", 9)
    image.add_new(0x60000100, "US", allocated)
    image.add_new(0x60000102, "US", bit)
    with pytest.raises(UnsupportedScan, match="overlay"):
        deidentify(image, b"secret")


@pytest.mark.parametrize(("bit", "allocated"), [(12, 16), (15, 16), (0, 1), (16, 16)])
def test_an_overlay_within_unused_bits_is_cleared(bit: int, allocated: int) -> None:
    """Given bits above the values in use, the values stay and the bits are empty."""
    image = series()[0]
    expected = np.frombuffer(image.PixelData, np.uint16)
    image.PixelData = (
        (expected | np.uint16(1 << bit if 11 < bit < 16 else 0)).astype("<u2").tobytes()
    )
    image.add_new(0x60000010, "US", 9)
    image.add_new(0x60000100, "US", allocated)
    image.add_new(0x60000102, "US", bit)
    deidentify(image, b"secret")
    np.testing.assert_array_equal(np.frombuffer(image.PixelData, np.uint16), expected)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("allocated", [8, 16, 32])
def test_signs_stay(allocated: int, *, big_endian: bool) -> None:
    """Negative values keep their sign in the bits above, as readers expect that take all bits."""
    bits = allocated - 3
    kind = f"{'>' if big_endian else '<'}i{allocated // 8}"
    expected = np.array([-1, 0, 5, -(1 << bits - 1), (1 << bits - 1) - 1, -2], kind)
    image = series()[0]
    image.Rows, image.Columns, image.PixelRepresentation = 2, 3, 1
    image.BitsAllocated, image.BitsStored, image.HighBit = allocated, bits, bits - 1
    image.file_meta.TransferSyntaxUID = (ExplicitVRLittleEndian, ExplicitVRBigEndian)[big_endian]
    drawn = expected.view(kind.replace("i", "u")) ^ np.array([1, 0, 3, 0, 1, 2]) * (1 << bits)
    image.PixelData = drawn.astype(kind.replace("i", "u")).tobytes()
    deidentify(image, b"secret")
    np.testing.assert_array_equal(np.frombuffer(image.PixelData, kind), expected)


@pytest.mark.parametrize("signed", [False, True])
def test_padding_beyond_the_bits_of_a_value_stays(*, signed: bool) -> None:
    """Given -3024 outside of 12-bit values, which needs more bits, it is still -3024."""
    kind = "<i2" if signed else "<u2"
    expected = np.array([-3024, -3024, 7, 1072, 900, 0], "<i2").view(kind)
    drawn = (expected.view("<u2") ^ np.array([0, 0, 0, 1 << 15, 1 << 12, 0])).astype("<u2")
    image = series()[0]
    image.Rows, image.Columns, image.PixelRepresentation = 2, 3, int(signed)
    image.BitsStored, image.HighBit = 12, 11
    image.add_new("PixelPaddingValue", "SS" if signed else "US", int(expected[0]))
    image.PixelData = drawn.tobytes()
    deidentify(image, b"secret")
    np.testing.assert_array_equal(np.frombuffer(image.PixelData, kind), expected)


def test_a_compression_that_cannot_be_checked_is_refused() -> None:
    image = series()[0]
    image.file_meta.TransferSyntaxUID = MPEG2MPML
    image.PixelData = encapsulate([b"video!"])
    with pytest.raises(UnsupportedScan, match="compressed"):
        deidentify(image, b"secret")
