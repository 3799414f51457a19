"""8-bit pixels in big endian words (OW), whose bytes are stored in swapped pairs (PS3.5, 8.1.1).

pixels    0 1   2 3   4 .
stored    1 0   3 2   . 4
"""

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID


def in_swapped_pairs(header: Dataset, vr: str) -> bool:
    """Whether the pixels of an image are stored in this way; `vr` is that of its pixel data."""
    if vr != "OW" or int(header.BitsAllocated) != 8:
        return False
    return not UID(str(header.file_meta.TransferSyntaxUID)).is_little_endian


def pairs_around(start: int, size: int) -> tuple[int, int]:
    """The start and size of the whole pairs that hold `size` bytes from `start`."""
    first, end = start - start % 2, start + size
    return first, end + end % 2 - first


def swapped(data: bytes) -> bytes:
    """The bytes of each pair in the other order."""
    return np.frombuffer(data, "<u2").byteswap().tobytes()
