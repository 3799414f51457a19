"""DICOM files without a preamble, file meta information or transfer syntax, or with a wrong one.

Such data sets are written by old archives and by toolkits that store what they received. PS3.10
does not allow them. Their encoding is implicit VR little endian, the default of PS3.5, 10.1, unless
the first element has a value representation or is big endian; DCMTK and GDCM do the same.
"""

import io
from typing import BinaryIO

from pydicom import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset, read_preamble
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from imaging.formats.dicom.file_view import FileView
from imaging.formats.dicom.instance import MAGIC, Opener

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Transfer syntaxes without compression, which the data set itself shows."""
_LEAST_BIG_GROUP = 0x0400
"""Groups of first elements are smaller; read in the other byte order, they are larger."""


def completed(open_file: Opener) -> Opener:
    """Opens the same file with file meta information that names its transfer syntax.

    A file that names it is opened as it is, unless it names another encoding without compression
    than the data have: decoders would read every pixel from the wrong position. Raises what pydicom
    raises for a damaged file.
    """
    with open_file() as file:
        read_preamble(file, force=True)
        meta = read_dataset(file, False, True, stop_when=lambda tag, _, __: tag.group != 2)
        start, stated = file.tell(), meta.get("TransferSyntaxUID")
        syntax = _encoding_of(file.read(6))
    if stated == syntax or (stated and stated not in _NATIVE):
        return open_file
    prefix = _meta(syntax)
    return lambda: _prefixed(prefix, open_file(), start)


def _prefixed(prefix: bytes, file: BinaryIO, start: int) -> BinaryIO:
    size = file.seek(0, io.SEEK_END) - start
    return io.BufferedReader(FileView(file, start, size, prefix))


def _encoding_of(start: bytes) -> UID:
    """The encoding of a data set, by its first tag and what follows: letters are a VR."""
    if not (start[4:6].isalpha() and start[4:6].isupper()):
        return ImplicitVRLittleEndian
    big = int.from_bytes(start[:2], "little") >= _LEAST_BIG_GROUP
    return ExplicitVRBigEndian if big else ExplicitVRLittleEndian


def _meta(syntax: UID) -> bytes:
    """Preamble, prefix and file meta information."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=False)
    offset, magic = MAGIC
    return bytes(offset) + magic + bytes(buffer.getvalue())
