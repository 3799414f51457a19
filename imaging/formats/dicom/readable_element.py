"""Elements whose values may be damaged: pydicom decodes a value only when it is accessed."""

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence


def readable_element(dataset: Dataset, key: str | int) -> DataElement | None:
    """The element with its value decoded; None if it is missing or cannot be decoded.

    Within a sequence, elements that cannot be decoded are left out. The others are decoded: pydicom
    writes values that were never accessed as raw bytes, in the character set of the source.
    """
    try:
        if key not in dataset:
            return None
        element: DataElement = dataset[key]
        if element.VR != "SQ":
            return element
        return DataElement(element.tag, "SQ", Sequence([_readable(item) for item in element.value]))
    except Exception:  # noqa: BLE001 - pydicom raises many kinds, for an unknown VR as for a value
        return None


def _readable(item: Dataset) -> Dataset:
    elements = (readable_element(item, tag) for tag in item.keys())  # noqa: SIM118 - not a dict
    return Dataset({element.tag: element for element in elements if element is not None})
