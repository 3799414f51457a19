"""The CSA header, in which Siemens scanners describe an image (private element 0029,xx10).

It is a list of named tags, each with its values as text. Siemens does not publish the format;
NiBabel's documentation describes it ("Siemens format DICOM with CSA header"). There are two
versions; the second begins with SV10.
"""

import struct
from collections.abc import Iterator
from struct import unpack_from

from pydicom import Dataset

CSA_CREATOR, CSA_ELEMENT = "SIEMENS CSA HEADER", 0x10
"""Private creator, and the element of the image header in its block."""
_GROUP = 0x0029
_SECOND = b"SV10"
_TAG = "<64si4siii"
_TAG_BYTES = 84
_ITEM_BYTES = 16
_DECIMAL = b"DS"
_END = 77
"""The number that ends the fixed part of each structure."""
_MOST_TAGS, _MOST_ITEMS = 1000, 10_000

CsaHeader = dict[str, tuple[str, ...]]
"""Name of a tag -> its values, without empty ones."""


def csa_headers(header: Dataset) -> Iterator[CsaHeader]:
    """The readable CSA image headers of an image; anonymisation often removes them."""
    for element in header.group_dataset(_GROUP):
        value = element.value
        if element.tag.element >= 0x1000 and element.tag.element & 0xFF == CSA_ELEMENT:
            try:
                yield parse_csa(value if isinstance(value, bytes) else b"")
            except (struct.error, ValueError):
                continue


def parse_csa(data: bytes) -> CsaHeader:
    """The tags of a CSA header; raises ValueError or struct.error where it is none."""
    second = data.startswith(_SECOND)
    at = 8 if second else 0  # after the signature and four unused bytes
    (count,) = unpack_from("<I", data, at)
    if not 0 < count <= _MOST_TAGS:
        raise ValueError("The number of tags is impossible.")
    at += 8
    tags: CsaHeader = {}
    offset = 0
    for number in range(count):
        name, _, _, _, items, _ = unpack_from(_TAG, data, at)
        at += _TAG_BYTES
        if not 0 <= items <= _MOST_ITEMS:
            raise ValueError("The number of values is impossible.")
        if number == 0 and not second:
            offset = items  # the first version adds this number to every length
        values = []
        for _ in range(items):
            lengths = unpack_from("<4i", data, at)
            length = lengths[1] if second else lengths[0] - offset
            at += _ITEM_BYTES
            if not 0 <= length <= len(data) - at:
                raise ValueError("A value is longer than the header.")
            values.append(_text(data[at : at + length]))
            at += length + -length % 4
        tags[_text(name)] = tuple(value for value in values if value)
    return tags


def encoded_csa(tags: CsaHeader) -> bytes:
    """A CSA header of the second version with these tags, whose values are numbers."""
    data = _SECOND + b"\4\3\2\1" + struct.pack("<2I", len(tags), _END)
    for name, values in tags.items():
        data += struct.pack(_TAG, name.encode(), len(values), _DECIMAL, 0, len(values), _END)
        for value in values:
            text = value.encode() + b"\0"
            data += struct.pack("<4i", len(text), len(text), _END, len(text))
            data += text + bytes(-len(text) % 4)
    return data


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()
