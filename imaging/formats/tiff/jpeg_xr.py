"""The size that a JPEG XR stream states, and whether it is whole (ITU-T T.832, annex A and 8.3)."""

from struct import unpack_from

from imaging.formats.raster import damaged

_SIGNATURE = b"II\xbc"
_OFFSET, _COUNT = 0xBCC0, 0xBCC1
_TYPES = {1: "B", 3: "H", 4: "I"}
_IMAGE = b"WMPHOTO\0"
_SHORT_HEADER = 0x80


def jpeg_xr_size(data: bytes) -> tuple[int, int]:
    """Rows and columns. Raises UnreadableScan where the image is not in the stream or cut off;
    struct.error where the stream ends too early."""
    if not data.startswith(_SIGNATURE):
        raise damaged("A strip or tile of the image is no JPEG XR stream.")
    entries = _entries(data)
    at, count = entries.get(_OFFSET, 0), entries.get(_COUNT, 0)
    if data[at : at + len(_IMAGE)] != _IMAGE:
        raise damaged("The JPEG XR stream holds no image.")
    if at + count > len(data):
        raise damaged("The JPEG XR stream is cut off.")
    short = data[at + 10] & _SHORT_HEADER
    columns, rows = unpack_from(">2H" if short else ">2I", data, at + 12)
    return rows + 1, columns + 1


def _entries(data: bytes) -> dict[int, int]:
    """The first value of each entry that has one number in place."""
    (start,) = unpack_from("<I", data, 4)
    (count,) = unpack_from("<H", data, start)
    values: dict[int, int] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, _ = unpack_from("<HHI", data, at)
        if kind in _TYPES:
            (values[tag],) = unpack_from(f"<{_TYPES[kind]}", data, at + 8)
    return values
