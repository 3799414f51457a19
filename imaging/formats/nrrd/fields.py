"""The lines of an NRRD header, read by the format's own grammar.

"Definition of NRRD File Format", section 3 (teem.sourceforge.net/nrrd/format.html).
"""

import re
from collections.abc import Iterator

from imaging.errors import UnreadableScan

SIGNATURE = b"NRRD000"
HEADER_BYTES = 1 << 20
"""Most bytes of a header; that of a segmentation with hundreds of labels takes kilobytes."""
_KEY_VALUE = ":="
_FIELD = ": "
_END = re.compile(rb"\r?\n\r?\n|\r\r")
_LINE = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SYNONYMS = {"centers": "centerings"}


def damaged(detail: str) -> UnreadableScan:
    """The error for a file that is not a complete NRRD file."""
    return UnreadableScan(
        detail, expected="A complete NRRD file, .nrrd.", hint="Export or copy the scan again."
    )


def fields_of(start: bytes, *, attached: bool = True) -> tuple[dict[str, str], int]:
    """The fields of a header, and the offset of the data: after the first empty line.

    Names are lower case without blanks, such as `spacedirections`; teem accepts both spellings.
    `attached`: whether data must follow; a detached header may end with the file. Raises
    UnreadableScan.
    """
    end = _END.search(start)
    if end is None and attached:
        raise damaged("The header has no end.")
    text, offset = (start[: end.start()], end.end()) if end else (start, len(start))
    return dict(_fields(text.decode("utf-8", "replace"))), offset


def quoted(text: str) -> list[str]:
    """The strings of a list such as `"mm" "mm" ""`."""
    return _QUOTED.findall(text)


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of field and description; key/value pairs (`:=`) and comments are skipped."""
    for line in _LINE.split(text)[1:]:
        if line.startswith("#") or not line.strip():
            continue
        key, field = line.find(_KEY_VALUE), line.find(_FIELD)
        if key >= 0 and not 0 <= field < key:
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise damaged("The header holds a line that is not a field.")
        name = name.strip().lower().replace(" ", "")
        yield _SYNONYMS.get(name, name), value.strip()
