"""UIDs of written objects, and of the images that they refer to.

The same object has the same UID wherever and whenever it is written.
"""

from uuid import UUID, uuid5

from pydicom import Dataset

from imaging.formats.dicom.readable_element import readable_element

_NAMESPACE = UUID("6f0c2d54-6a8e-5b52-9d0e-6c1f0b7a3c11")


def uid(*parts: str) -> str:
    """A UID derived from the name-based UUID of `parts` (PS3.5 B.2)."""
    return f"2.25.{uuid5(_NAMESPACE, chr(0).join(parts)).int}"


def single_uid(dataset: Dataset, keyword: str) -> str:
    """The UID in an attribute; "" if it is missing, cannot be decoded or has several values."""
    element = readable_element(dataset, keyword)
    return element.value if element is not None and isinstance(element.value, str) else ""
