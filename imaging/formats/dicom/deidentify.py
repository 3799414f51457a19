"""De-identification: the Basic Application Level Confidentiality Profile of PS3.15, Annex E.

`attribute_actions.py` says what becomes of each attribute, `pixel_cleaning.py` of the pixel data.
Private and unknown attributes, curves, overlays and icons are removed, and so is what is stored in
unused bits of the pixels. PatientID, PatientName and AccessionNumber become pseudonyms, which are
the same for the same patient in every upload.
"""

from pathlib import Path

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, VLWholeSlideMicroscopyImageStorage

from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.attribute_actions import action_of
from imaging.formats.dicom.deflated import check_inflated_size
from imaging.formats.dicom.instance import image_kinds, opener
from imaging.formats.dicom.missing_meta import completed
from imaging.formats.dicom.mosaic import Mosaic
from imaging.formats.dicom.pixel_cleaning import clean_pixels
from imaging.formats.dicom.pseudonyms import patient_pseudonym, pseudonym
from imaging.formats.dicom.stored_bits import bit_shift
from imaging.formats.limits import Limits

_LABELS = {"LABEL", "OVERVIEW"}
"""Image types of a slide that show its label (PS3.3, C.8.12.4.1.1)."""
_OVERLAYS = range(0x6000, 0x6100, 2)
_OVERLAY_ALLOCATED, _OVERLAY_BIT, _OVERLAY_DATA = 0x0100, 0x0102, 0x3000
_PSEUDONYMS = (Tag("PatientName"), Tag("PatientID"), Tag("AccessionNumber"))


class LabelImage(UnsupportedScan):
    """An image of a slide's label, which is left out of a de-identified slide."""


def deidentify(dataset: Dataset, secret: bytes, limits: Limits | None = None) -> None:
    """Removes from a complete data set, in place, everything that identifies the patient.

    The same secret gives the same pseudonyms and UIDs, so that series, studies and references stay
    together. Faces that can be reconstructed from voxels remain. Raises UnsupportedScan where the
    header states that text is burned into the pixels, or where a compression cannot be checked,
    ScanTooLarge where pixels that must be decoded exceed `limits` (the defaults of Limits without
    them), and various errors for damaged pixel data.
    """
    _check_pixels(dataset)
    mosaic = Mosaic.of(dataset, lambda: dataset)
    clean_pixels(dataset, limits or Limits())
    names = _names(dataset, secret)
    _clean(dataset, secret)
    for tag, value in names.items():
        if tag in dataset:
            dataset[tag].value = value
    dataset.file_meta = _file_meta(dataset)
    dataset.preamble = b"\0" * 128
    if mosaic is not None:
        mosaic.write_to(dataset)
    _record(dataset)


def deidentify_file(path: Path, out: Path, secret: bytes, limits: Limits | None = None) -> Dataset:
    """Writes the DICOM file at `path` to `out`, de-identified; returns the data set written.

    Checks `limits` as `deidentify` does. Raises UnreadableScan, UnsupportedScan, ScanTooLarge,
    StorageFull.
    """
    try:
        with completed(opener(path))() as source:
            check_inflated_size(source)
            source.seek(0)
            dataset = dcmread(source, force=True)
        deidentify(dataset, secret, limits)
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


def _check_pixels(dataset: Dataset) -> None:
    if str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES":
        raise UnsupportedScan(
            "The header states that text is burned into the image's pixels (0028,0301).",
            expected="For de-identification, an image without text in its pixels.",
            hint="Remove the text first, or send the image without de-identification.",
        )
    types = image_kinds(dataset)
    slide = dataset.get("SOPClassUID") == VLWholeSlideMicroscopyImageStorage
    if (slide and types & _LABELS) or str(
        dataset.get("SpecimenLabelInImage") or ""
    ).upper() == "YES":
        raise LabelImage(
            "The image shows the label of a slide, which names the patient.",
            expected="For de-identification, an image of the specimen alone.",
            hint="Send the slide without its label and overview images.",
        )
    if any(_is_overlay_in_values(dataset, group) for group in _OVERLAYS):
        raise UnsupportedScan(
            "An overlay is stored in the bits of the image's pixel values (6000,0102).",
            expected="For de-identification, an overlay in unused bits, which are cleared.",
            hint="Remove the overlay first, or send the image without de-identification.",
        )


def _is_overlay_in_values(dataset: Dataset, group: int) -> bool:
    """Whether an overlay is stored in bits that hold the pixel values (PS3.3-2004, C.9.2)."""
    position = dataset.get((group, _OVERLAY_BIT))
    if position is None or (group, _OVERLAY_DATA) in dataset or "BitsStored" not in dataset:
        return False
    bit, lowest = int(position.value or 0), bit_shift(dataset)
    allocated = dataset.get((group, _OVERLAY_ALLOCATED))
    embedded = bit > 0 or (allocated is not None and int(allocated.value or 0) > 1)
    return embedded and lowest <= bit < lowest + int(dataset.BitsStored)


def _names(dataset: Dataset, secret: bytes) -> dict[BaseTag, str]:
    """Pseudonyms of the patient's name, the PatientID and the AccessionNumber."""

    patient = patient_pseudonym(dataset, secret)
    order = pseudonym("accession", str(dataset.get("AccessionNumber") or "").strip(), secret)
    return dict(zip(_PSEUDONYMS, (patient, patient, order), strict=True))


def _clean(dataset: Dataset, secret: bytes, *, nested: bool = False) -> None:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001 - an unreadable value may contain anything
            del dataset[tag]
            continue
        action = action_of(element, nested=nested)
        if action is not None:
            action(dataset, element, secret)
        elif element.VR == "SQ":
            for item in element.value:
                _clean(item, secret, nested=True)


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
