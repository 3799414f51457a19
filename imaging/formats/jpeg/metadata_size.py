"""How much a JPEG file holds beside its pixels (ITU-T T.81, B.1.1.4)."""

from itertools import count
from pathlib import Path
from struct import error, unpack

from imaging.formats.jpeg.frame import ALONE, FILL
from imaging.formats.raster import unsupported

_SCAN = 0xDA
_MOST_BYTES = 24 << 20
"""A colour profile may have 16 MiB; cameras write less than 1 MiB."""
_MOST_SEGMENTS = 10_000


def check_metadata(path: Path) -> None:
    """Raises UnsupportedScan if the segments before the pixels are too many or too large.

    Decoders join what belongs together, such as the parts of an Exif text, and copy it all for each
    further part: 180 MiB take minutes.
    """
    with path.open("rb") as file:
        try:
            for segments in count():
                fill, marker = unpack("2B", file.read(2))
                if fill != FILL or marker == _SCAN:
                    return
                if segments > _MOST_SEGMENTS or file.tell() > _MOST_BYTES:
                    raise unsupported("The JPEG has too much text, profiles or other metadata.")
                if marker == FILL:
                    file.seek(-1, 1)
                elif marker not in ALONE:
                    file.seek(unpack(">H", file.read(2))[0] - 2, 1)
        except (error, OSError, ValueError):
            return  # the decoder says what is wrong
