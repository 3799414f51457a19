"""Recognises a DICOM data set that lacks preamble and prefix, by its first elements.

Raw voxels may begin with the two numbers of its first tag. A data set in explicit VR also names a
value representation there; the elements of one in implicit VR follow each other in the order of
their tags (PS3.5, 7.1), with lengths that such elements can have:

    | group | element | length | value ... | group | element | length | ...
"""

import struct

_GROUPS = {"<": (0x0002, 0x0008), ">": (0x0008,)}
"""Groups that a data set may begin with, by its byte order; file meta information (PS3.10, 7.1) is
little endian, in explicit VR."""
_IDENTIFYING = 0x0008
_LAST_FIRST_ELEMENT = 0xFF
"""The first element of a group is one of its first 256."""
_TAG = struct.Struct("<HH")
_TAG_AND_LENGTH = struct.Struct("<HHI")
_ITEM_GROUP = 0xFFFE
"""Of the items of a sequence, and of the end of a sequence without items (PS3.5, 7.5)."""
_UNDEFINED = 0xFFFFFFFF
_LONGEST_VALUE = 1 << 16
"""Most bytes of a value before the pixels that is not a sequence."""
_VRS = frozenset(
    (b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR"
     b" US UT UV").split()
)  # fmt: skip
"""Value representations (PS3.5, 6.2)."""


def is_bare_data_set(start: bytes) -> bool:
    """Whether a file begins as a data set without preamble; one in big endian has explicit VR."""
    return _is_explicit(start) or _is_implicit(start)


def _is_explicit(start: bytes) -> bool:
    if len(start) <= _TAG_AND_LENGTH.size or start[4:6] not in _VRS:
        return False
    for order, groups in _GROUPS.items():
        group, element = struct.unpack_from(f"{order}HH", start)
        if group in groups and element <= _LAST_FIRST_ELEMENT:
            return True
    return False


def _is_implicit(start: bytes) -> bool:
    """Whether at least two elements follow each other, and so do all that `start` holds."""
    at, count, last = 0, 0, (_IDENTIFYING, -1)
    while at + _TAG_AND_LENGTH.size <= len(start):
        group, element, length = _TAG_AND_LENGTH.unpack_from(start, at)
        at += _TAG_AND_LENGTH.size
        if not last < (group, element) or (count == 0 and group != _IDENTIFYING):
            return False
        count, last = count + 1, (group, element)
        if _holds_items(start, at, length):
            return True
        if length > _LONGEST_VALUE:
            return False
        at += length
    return count > 1


def _holds_items(start: bytes, at: int, length: int) -> bool:
    """Whether the value at byte `at` is a sequence: nothing else begins as an item does."""
    if length == 0 or at + _TAG.size > len(start):
        return False
    group, element = _TAG.unpack_from(start, at)
    return group == _ITEM_GROUP and (element == 0xE000 or length == _UNDEFINED)
