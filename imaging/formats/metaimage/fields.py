"""The fields of a MetaImage header, read as MetaIO reads them.

MetaIO's documentation, "MetaImage": lines of `Name = Value`, up to `ElementDataFile`.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from imaging.errors import UnreadableScan

HEADER_BYTES = 1 << 20
"""Most bytes of a header."""
LAST = "ElementDataFile"
"""The last field of a header."""
LOCAL = "local"
"""Its value, in lower case, where the voxels follow in the same file."""
_START = re.compile(rb"\A\s*[A-Za-z]+[ \t]*[=:]")
_OWN = re.compile(
    rb"^[ \t]*(ObjectType[ \t]*[=:][ \t]*Image|NDims[ \t]*[=:]|DimSize[ \t]*[=:])", re.MULTILINE
)
_SEPARATOR = re.compile(r"[=:]")
_Number = TypeVar("_Number", int, float)


def is_metaimage(head: bytes) -> bool:
    """Whether a file that begins with `head` is a MetaImage header."""
    return bool(_START.match(head) and _OWN.search(head))


def damaged(detail: str) -> UnreadableScan:
    """The error for a file that is not a complete MetaImage file."""
    return UnreadableScan(
        detail, expected="A complete MetaImage file, .mha.", hint="Export or copy the scan again."
    )


def fields_of(start: bytes) -> tuple[dict[str, str], int]:
    """The fields of a header, and the offset of what follows it; raises UnreadableScan."""
    fields: dict[str, str] = {}
    offset = 0
    while LAST not in fields:
        end = start.find(b"\n", offset)
        if end < 0 and len(start) >= HEADER_BYTES:
            break
        line = start[offset : end if end >= 0 else len(start)].decode("utf-8", "replace").strip()
        separator = _SEPARATOR.search(line)
        if separator:
            fields[line[: separator.start()].strip()] = line[separator.end() :].strip()
        elif line:
            raise damaged("The header holds a line that is not a field.")
        if end < 0:
            offset = len(start)
            break
        offset = end + 1
    if LAST not in fields:
        raise damaged("The header has no ElementDataFile, which ends it.")
    return fields, offset


def numbers(
    fields: dict[str, str], names: Iterable[str], count: int, kind: Callable[[str], _Number]
) -> tuple[_Number, ...] | None:
    """The first of the fields that is present, as `count` numbers; None where there is none.

    Raises UnreadableScan where it holds anything else.
    """
    name = next((name for name in names if fields.get(name)), None)
    if name is None:
        return None
    try:
        values = tuple(kind(text) for text in fields[name].split())
    except (ValueError, OverflowError) as error:
        raise damaged(f"The header's {name} is not a list of numbers.") from error
    if len(values) < count:
        raise damaged(f"The header's {name} has {len(values)} numbers instead of {count}.")
    return values[:count]


def is_true(fields: dict[str, str], name: str) -> bool:
    """The value of a flag, `True` or `False`; False where there is none, as in MetaIO."""
    return fields.get(name, "")[:1] in ("T", "t", "1")
