"""What de-identification does with each attribute (PS3.15, Table E.1-1, and beyond it).

The action of each attribute comes from the generated copy of Table E.1-1 in dicomanonymizer. The
actions themselves are here, since that package does not descend into sequences, deletes no dates
and draws random UIDs:

    X              removed
    Z, X/Z         emptied
    D, Z/D, X/D    replaced by a dummy of the attribute's VR, which every IOD allows
    U              replaced by another UID, always the same for the same UID and secret
    others         kept: geometry, rescale, pixels

For attributes that the table does not list, what is kept is listed here, not what is removed: the
texts of KEPT_TEXTS and the binary values of KEPT_DATA.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table
from pydicom import DataElement, Dataset, Sequence
from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR
from pydicom.multival import MultiValue

from imaging.formats.dicom.pseudonyms import new_uid

Action = Callable[[Dataset, DataElement, bytes], None]
"""Changes an element of a data set, in place; the last argument is the secret."""

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
_TEXT_VRS = ("AE", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")
_DATA_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
_NUMBER_TEXTS = ("DS", "IS")
_NUMBER_VRS = (*_NUMBER_TEXTS, "AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV")
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(_TEXT_VRS, "text"),
    **dict.fromkeys(_DATA_VRS, "data"),
    **dict.fromkeys(_NUMBER_VRS, "number"),
}
"""Kinds of VRs that replace each other in files; every other VR is a kind of its own."""
_CODE = re.compile(r"[A-Za-z0-9_ ./+:-]*")
"""Code strings (PS3.5, 6.2), and characters that manufacturers use in them."""
_LONGEST_CODE, _LONGEST_TYPE = 16, 64
"""Characters of a code; image types of manufacturers are longer, and tell volumes apart."""
_KEPT_TEXTS = frozenset(
    (
        *("Manufacturer", "ManufacturerModelName", "SoftwareVersions"),
        *("CodeValue", "LongCodeValue", "URNCodeValue", "CodeMeaning"),
        *("CodingSchemeDesignator", "CodingSchemeVersion", "MappingResourceName"),
        *("SequenceName", "PulseSequenceName", "ImagedNucleus", "StackID", "AcquisitionMode"),
        *("ReceiveCoilName", "TransmitCoilName", "MultiCoilElementName", "MultiCoilConfiguration"),
        *("ConvolutionKernel", "FilterType", "FilterMaterial", "ImageFilter", "PhosphorType"),
        *("CollimatorGridName", "ViewName", "OpticalPathIdentifier", "EnergyWindowName"),
        *("ReferencedOpticalPathIdentifier", "RescaleType", "ModalityLUTType"),
        *("Radiopharmaceutical", "RadiopharmaceuticalRoute", "ContrastBolusRoute"),
        *("AttenuationCorrectionMethod", "ScatterCorrectionMethod", "ReconstructionMethod"),
        *("CardiacFramingType", "TriggerSourceOrType", "TypeOfFilters", "TransducerData"),
        *("ProcessingFunction", "DigitalImageFormatAcquired", "VideoImageFormatAcquired"),
    )
)
"""Texts of acquisition and coding that are kept: vocabulary of devices, not written by people."""
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_TABLES = tuple(f"{color}PaletteColorLookupTableData" for color in ("Red", "Green", "Blue"))
_SEGMENTED_TABLES = tuple(f"Segmented{name}" for name in _TABLES)
_KEPT_DATA = frozenset((*_PIXELS, *_TABLES, *_SEGMENTED_TABLES, "LUTData"))
"""Binary values that are kept: pixels, and the tables that pixels refer to. ICC profiles, waveforms
and encrypted content may hold anything."""


def action_of(element: DataElement, *, nested: bool) -> Action | None:
    """The action for an element; None: it is kept, and so is a sequence, whose items are cleaned.

    `nested`: whether it is in an item of a sequence, where pixels are those of an icon.
    """
    tag = element.tag
    if tag.is_private or not dictionary_has_tag(tag):  # curves and overlays are in no plain tag
        return _remove
    known = _ACTIONS.get(int(tag))
    if known is not None:
        return known
    if element.VR == "UI" and element.keyword != "SOPClassUID":
        return _change_uid
    if element.VR in _TEXT_VRS and element.keyword not in _KEPT_TEXTS:
        return _empty
    if _is_data(element) and element.keyword not in _KEPT_DATA:
        return _remove
    if _has_other_kind(element) or _is_malformed(element):
        return _empty
    if nested and element.keyword in _PIXELS:
        return _remove
    if element.keyword in (*_TABLES, *_SEGMENTED_TABLES):
        return _keep_palette
    return _shorten if element.keyword == "LUTData" else None


def _is_data(element: DataElement) -> bool:
    """Whether its value is binary; a VR may be ambiguous, as "OB or OW" in implicit VR is."""
    return any(vr in _DATA_VRS for vr in element.VR.split(" or "))


def _has_other_kind(element: DataElement) -> bool:
    """Whether the file stores a kind of value that the attribute does not have (PS3.6)."""
    stated, defined = (
        {_KINDS.get(vr, vr) for vr in vrs.split(" or ")}
        for vrs in (element.VR, dictionary_VR(element.tag))
    )
    return stated.isdisjoint(defined)


def _is_malformed(element: DataElement) -> bool:
    """Whether a number or code is none, or there are too many (PS3.6): a text in its place."""
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    if element.VR == "CS":
        longest = _LONGEST_TYPE if element.keyword in ("ImageType", "FrameType") else _LONGEST_CODE
        if not all(len(code) <= longest and _CODE.fullmatch(code) for code in filter(None, values)):
            return True
    elif element.VR in _NUMBER_TEXTS:
        if not all(_is_number(value) for value in values):
            return True
    elif not all(vr in _NUMBER_VRS for vr in element.VR.split(" or ")):
        return False
    vm = dictionary_VM(element.tag)
    return vm.isdigit() and int(vm) < element.VM


def _is_number(value: Any) -> bool:
    try:
        return value in (None, "") or isfinite(float(value))
    except (TypeError, ValueError):
        return False


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


def _keep_palette(dataset: Dataset, element: DataElement, secret: bytes) -> None:
    """Keeps a palette of an image whose pixels refer to it."""
    if dataset.get("PhotometricInterpretation") != "PALETTE COLOR":
        del dataset[element.tag]
    elif element.keyword in _TABLES:
        _shorten(dataset, element, secret)


def _shorten(dataset: Dataset, element: DataElement, _: bytes) -> None:
    """Cuts a lookup table to the entries that its descriptor states (PS3.3, C.11.1.1.1)."""
    descriptor = dataset.get(element.keyword.removesuffix("Data") + "Descriptor")
    if not descriptor:
        del dataset[element.tag]
        return
    entries = int(descriptor[0]) or 1 << 16
    if isinstance(element.value, bytes):
        whole = 2 * entries if len(element.value) >= 2 * entries else entries + entries % 2
        element.value = element.value[:whole]
    elif isinstance(element.value, MultiValue):
        element.value = element.value[:entries]


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
