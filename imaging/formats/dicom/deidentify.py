"""De-identification: the Basic Application Level Confidentiality Profile of PS3.15, Annex E.

The action of each attribute comes from the generated copy of Table E.1-1 in dicomanonymizer. The
actions themselves are here, since that package does not descend into sequences, deletes no dates
and draws random UIDs:

    X              removed
    Z, X/Z         emptied
    D, Z/D, X/D    replaced by a dummy of the attribute's VR, which every IOD allows
    U              replaced by another UID, always the same for the same UID and secret
    others         kept: geometry, rescale, pixels

Beyond the table, private and unknown attributes, curves and overlays are removed; names, dates,
times, addresses and free texts that the table does not list are emptied; UIDs that it does not list
are replaced. PatientID, PatientName and AccessionNumber become pseudonyms, which are the same for
the same patient in every upload.
"""

import hmac
from base64 import b32encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table
from pydicom import DataElement, Dataset, Sequence, dcmread, dcmwrite
from pydicom.datadict import dictionary_has_tag, repeater_has_tag
from pydicom.dataset import FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID

from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.deflated import check_inflated_size

_DUMMIES: Mapping[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), "ANONYMIZED"),
    **dict.fromkeys(("DS", "IS"), "0"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), b"\0\0"),
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "UR": "http://anonymized.invalid",
}
_PERSONAL = ("DA", "DT", "LT", "PN", "ST", "TM", "UR", "UT")
"""VRs whose attributes are emptied where the table does not list them."""
_TEXTS = (
    "PositionReferenceIndicator",  # scanners copy the description of the study into it
    *("PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar"),
    *("PlacerOrderNumberProcedure", "FillerOrderNumberProcedure"),
    *(f"{who}OrderNumberImagingServiceRequestRetired" for who in ("Placer", "Filler")),
    *("DeviceID", "FrameLabel", "FrameOfInterestDescription", "InstructionText"),
)
"""Attributes with short texts, some retired, that the table does not list."""
_DRAWN = {*range(0x5000, 0x5020, 2), *range(0x6000, 0x6020, 2)}
"""Groups of curves and overlays; the table keeps labels and descriptions of overlays."""
_OVERLAY_BIT, _OVERLAY_DATA = 0x0102, 0x3000
_PSEUDONYMS = (Tag("PatientName"), Tag("PatientID"), Tag("AccessionNumber"))


def deidentify(dataset: Dataset, secret: bytes) -> None:
    """Removes from a complete data set, in place, everything that identifies the patient.

    The same secret gives the same pseudonyms and UIDs, so that series, studies and references stay
    together. Faces that can be reconstructed from voxels remain. Raises UnsupportedScan where the
    header states that text is burned into the pixels.
    """
    _check_pixels(dataset)
    names = _names(dataset, secret)
    _clean(dataset, secret)
    for tag, value in names.items():
        if tag in dataset:
            dataset[tag].value = value
    dataset.file_meta = _file_meta(dataset)
    dataset.preamble = b"\0" * 128
    _record(dataset)


def deidentify_file(path: Path, out: Path, secret: bytes) -> Dataset:
    """Writes the DICOM file at `path` to `out`, de-identified; returns the data set written.

    Raises UnreadableScan, UnsupportedScan, ScanTooLarge, StorageFull.
    """
    try:
        with path.open("rb") as source:
            check_inflated_size(source)
            source.seek(0)
            dataset = dcmread(source, force=True)
        deidentify(dataset, secret)
        with out.open("wb") as file, raising_storage_full():
            dcmwrite(file, dataset, enforce_file_format=True)
    except TesseraError:
        raise
    except Exception as error:  # pydicom raises many kinds for a damaged file, OSError too
        raise UnreadableScan(
            "A DICOM file is damaged or has no UIDs, and cannot be de-identified.",
            expected="A complete DICOM file of one instance (PS3.10, 7).",
            hint="Export the series again.",
        ) from error
    return dataset


def new_uid(uid: str, secret: bytes) -> UID:
    """The UID (PS3.5, B.2) that replaces `uid`; UIDs of the standard itself are kept."""
    if UID(uid).name != uid or not uid:
        return UID(uid)
    return UID(f"2.25.{UUID(bytes=_digest(secret, 'uid', uid)[:16], version=4).int}")


def pseudonym(kind: str, value: str, secret: bytes) -> str:
    """16 letters and digits in place of `value`; "" for an empty value."""
    return b32encode(_digest(secret, kind, value)[:10]).decode() if value else ""


def _check_pixels(dataset: Dataset) -> None:
    for group in range(0x6000, 0x6020, 2):
        bit = dataset.get((group, _OVERLAY_BIT))
        if bit is not None and bit.value and (group, _OVERLAY_DATA) not in dataset:
            raise UnsupportedScan(
                "An overlay is stored in unused bits of the image's pixels (6000,0102).",
                expected="For de-identification, an image without text in its pixels.",
                hint="Remove the overlay first, or send the image without de-identification.",
            )
    if str(dataset.get("BurnedInAnnotation") or "").strip().upper() != "YES":
        return
    raise UnsupportedScan(
        "The header states that text is burned into the image's pixels (0028,0301).",
        expected="For de-identification, an image without text in its pixels.",
        hint="Remove the text first, or send the image without de-identification.",
    )


def _names(dataset: Dataset, secret: bytes) -> dict[BaseTag, str]:
    """Pseudonyms of the patient's name, the PatientID and the AccessionNumber."""

    def text(keyword: str) -> str:
        return str(dataset.get(keyword) or "").strip()

    known = text("PatientID") or "|".join(
        filter(None, map(text, ("PatientName", "PatientBirthDate")))
    )
    patient = pseudonym("patient", known, secret)
    order = pseudonym("accession", text("AccessionNumber"), secret)
    return dict(zip(_PSEUDONYMS, (patient, patient, order), strict=True))


def _clean(dataset: Dataset, secret: bytes) -> None:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001 - an unreadable value may contain anything
            del dataset[tag]
            continue
        action = _action(element)
        if action is None and element.VR == "SQ":
            for item in element.value:
                _clean(item, secret)
        elif action is not None:
            action(dataset, element, secret)


Action = Callable[[Dataset, DataElement, bytes], None]


def _remove(dataset: Dataset, element: DataElement, _: bytes) -> None:
    del dataset[element.tag]


def _empty(_: Dataset, element: DataElement, __: bytes) -> None:
    element.value = Sequence() if element.VR == "SQ" else None


def _replace(_: Dataset, element: DataElement, secret: bytes) -> None:
    if element.VR == "UI":
        _change_uid(_, element, secret)
    elif element.VR == "SQ":
        element.value = Sequence([Dataset()])
    else:
        element.value = _DUMMIES.get(element.VR)


def _change_uid(_: Dataset, element: DataElement, secret: bytes) -> None:
    value = element.value
    if isinstance(value, MultiValue):
        element.value = [new_uid(str(uid), secret) for uid in value]
    else:
        element.value = new_uid(str(value or ""), secret)


_ACTIONS: Mapping[int, Action] = {
    _number: _act
    for _tags, _act in (
        (table.X_TAGS, _remove),
        (table.Z_TAGS + table.X_Z_TAGS, _empty),
        (table.D_TAGS + table.Z_D_TAGS + table.X_D_TAGS + table.X_Z_D_TAGS, _replace),
        (table.U_TAGS, _change_uid),
    )
    for _number in (_tag[0] << 16 | _tag[1] for _tag in _tags if len(_tag) == 2)
}
"""X/Z/U* (sequences of references to images) are kept, and the UIDs in them are replaced."""


def _action(element: DataElement) -> Action | None:
    """The profile's action for an element; None: it is kept."""
    tag = element.tag
    if tag.is_private or not (dictionary_has_tag(tag) or repeater_has_tag(tag)):
        return _remove
    if tag.group in _DRAWN:
        return _remove
    known = _ACTIONS.get(int(tag))
    if known is None and element.VR == "UI" and element.keyword != "SOPClassUID":
        return _change_uid
    if known is None and (element.VR in _PERSONAL or element.keyword in _TEXTS):
        return _empty
    return known


def _file_meta(dataset: Dataset) -> FileMetaDataset:
    """File meta information without the titles of the systems that handled the file."""
    old, meta = getattr(dataset, "file_meta", FileMetaDataset()), FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
    if "TransferSyntaxUID" in old:
        meta.TransferSyntaxUID = old.TransferSyntaxUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    return meta


def _record(dataset: Dataset) -> None:
    """Records the de-identification in the header (PS3.15, E.1; CID 7050)."""
    code = Dataset()
    code.CodeValue = "113100"
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "PS3.15 E.1 Basic Profile, consistent pseudonyms and UIDs"
    dataset.DeidentificationMethodCodeSequence = [code]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"


def _digest(secret: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(secret, f"{kind}:{value}".encode(), "sha256")
