"""The size that a JPEG XL stream states (ISO/IEC 18181-1, SizeHeader; 18181-2, boxes)."""

from collections.abc import Iterator
from struct import unpack_from

from imaging.formats.raster import damaged, unsupported

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_WHOLE, _PARTIAL = b"jxlc", b"jxlp"
_SIZE_BITS = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height, from number 1."""
_HEADER_BYTES = 64


class _Bits:
    """Reads unsigned numbers, the least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def __call__(self, count: int) -> int:
        if count > self._left:
            raise damaged("The JPEG XL stream is cut off.")
        number = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return number


def jpeg_xl_size(data: bytes) -> tuple[int, int]:
    """Rows and columns. Raises UnsupportedScan for an animation or a preview, whose decoder makes
    room for more than one image; struct.error where the stream ends too early."""
    bits = _Bits(_codestream(data))
    rows, columns = _size(bits)
    if not bits(1) and bits(1):  # neither all defaults, nor without extra fields
        bits(3)  # the orientation
        if bits(1):
            _size(bits)  # the intrinsic size
        if bits(1) or bits(1):
            raise unsupported("A strip or tile of the image is a JPEG XL animation.")
    return rows, columns


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits(1)
    rows = _length(bits, small)
    ratio = bits(3)
    if ratio == 0:
        return rows, _length(bits, small)
    above, below = _RATIOS[ratio - 1]
    return rows, rows * above // below


def _length(bits: _Bits, small: int) -> int:
    return 8 * (bits(5) + 1) if small else bits(_SIZE_BITS[bits(2)]) + 1


def _codestream(data: bytes) -> bytes:
    """The first bytes of the codestream after its signature."""
    start = b"".join(_pieces(data))[:_HEADER_BYTES]
    if not start.startswith(_CODESTREAM):
        raise damaged("A strip or tile of the image is no JPEG XL stream.")
    return start[len(_CODESTREAM) :]


def _pieces(data: bytes) -> Iterator[bytes]:
    """The start of the codestream, or of each box that holds a piece of it."""
    if not data.startswith(_CONTAINER):
        yield data[:_HEADER_BYTES]
        return
    at = 0
    while at < len(data):
        length, kind = unpack_from(">I4s", data, at)
        begin = at + 8
        if length == 1:
            (length,), begin = unpack_from(">Q", data, begin), at + 16
        stop = at + length if length else len(data)
        if stop < begin:
            raise damaged("A box of the JPEG XL stream has no length.")
        if kind in (_WHOLE, _PARTIAL):
            first = begin + 4 * (kind == _PARTIAL)  # after the number of the piece
            yield data[first : min(stop, first + _HEADER_BYTES)]
        at = stop
