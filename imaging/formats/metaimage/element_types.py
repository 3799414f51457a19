"""The types of the voxels in a MetaImage, by the names that `ElementType` has."""

from typing import Any

import numpy as np

ELEMENT_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
"""MetaIO's MET_LONG has 4 bytes on every machine (metaTypes.h)."""


def element_type(kind: np.dtype[Any]) -> str:
    """The name of a type; of two names, the one that has this size in every program."""
    return next(name for name, code in ELEMENT_TYPES.items() if code == kind.str[1:])
