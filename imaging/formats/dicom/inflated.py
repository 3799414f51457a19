"""A deflated data set (PS3.5, A.5), measured before it is inflated into memory at once."""

import zlib
from typing import BinaryIO

from pydicom.filereader import read_dataset, read_preamble
from pydicom.uid import UID, AllTransferSyntaxes

from imaging.errors import ScanTooLarge

MOST_BYTES = 1 << 29
"""Of one inflated data set. Libraries hold it twice and more."""
_CHUNK = 1 << 20


def check_inflated(file: BinaryIO) -> None:
    """Raises ScanTooLarge where the file, at its start, is deflated and holds more than MOST_BYTES.

    May raise what the library does for a damaged file.
    """
    read_preamble(file, force=True)
    meta = read_dataset(file, False, True, stop_when=lambda tag, _, __: tag.group != 2)
    syntax = UID(str(meta.get("TransferSyntaxUID", "")))
    if syntax not in AllTransferSyntaxes or not syntax.is_deflated:
        return
    inflating, left = zlib.decompressobj(-zlib.MAX_WBITS), MOST_BYTES
    while not inflating.eof and (chunk := inflating.unconsumed_tail or file.read(_CHUNK)):
        left -= len(inflating.decompress(chunk, _CHUNK))
        if left < 0:
            raise ScanTooLarge(
                "A deflated DICOM file is larger than is taken.",
                expected=f"At most {MOST_BYTES:,} bytes once inflated.",
                hint="Export it in another transfer syntax.",
            )
