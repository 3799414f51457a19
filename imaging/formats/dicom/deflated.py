"""The size of a deflated data set (PS3.5, A.5), measured before a library inflates it at once."""

import zlib
from typing import BinaryIO

from pydicom.filereader import read_dataset, read_preamble
from pydicom.uid import UID, AllTransferSyntaxes

from imaging.errors import ScanTooLarge

MAX_INFLATED_BYTES = 1 << 29
"""Largest inflated data set. Libraries hold it in memory twice and more."""
_CHUNK = 1 << 20


def check_inflated_size(file: BinaryIO) -> bool:
    """Whether a file, which is at its start, is deflated.

    Raises ScanTooLarge where it inflates to more than MAX_INFLATED_BYTES, and whatever pydicom and
    zlib raise for a damaged file.
    """
    read_preamble(file, force=True)
    meta = read_dataset(file, False, True, stop_when=lambda tag, _, __: tag.group != 2)
    syntax = UID(str(meta.get("TransferSyntaxUID", "")))
    if syntax not in AllTransferSyntaxes or not syntax.is_deflated:
        return False
    inflating, left = zlib.decompressobj(-zlib.MAX_WBITS), MAX_INFLATED_BYTES
    while not inflating.eof and (chunk := inflating.unconsumed_tail or file.read(_CHUNK)):
        left -= len(inflating.decompress(chunk, _CHUNK))
        if left < 0:
            raise ScanTooLarge(
                "A deflated DICOM file is too large once inflated.",
                expected=f"At most {MAX_INFLATED_BYTES:,} bytes.",
                hint="Export it in another transfer syntax.",
            )
    return True
