"""Multi-frame images that are split into several instances (concatenations, PS3.3, C.7.6.16.1).

The parts have the same ConcatenationUID, and are numbered from 1. Their number is optional.
"""

from collections.abc import Iterable, Sequence

from pydicom import Dataset

from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.stack import Stack


def is_part(header: Dataset) -> bool:
    """Whether an image is one of several parts, or may be: their number is not stated."""
    return _uid(header) != "" and _total(header) != 1


def with_missing_parts(stacks: Sequence[Stack], frames: Iterable[Frame]) -> list[Stack]:
    """Adds a note to each volume of an image some of whose parts are not in its series.

    `frames`: all of the series.
    """
    headers = {id(frame.instance): frame.instance.header for frame in frames}
    parts: dict[str, list[Dataset]] = {}
    for header in filter(is_part, headers.values()):
        parts.setdefault(_uid(header), []).append(header)
    incomplete = {uid: _missing(headers) for uid, headers in parts.items() if _missing(headers)}
    return [_noted(stack, incomplete) for stack in stacks] if incomplete else list(stacks)


def _noted(stack: Stack, incomplete: dict[str, int]) -> Stack:
    if stack.plane is None:
        return stack
    uids = dict.fromkeys(_uid(frame.instance.header) for frame in stack.frames)
    return stack.with_notes(*(_note(incomplete[uid]) for uid in uids if uid in incomplete))


def _note(missing: int) -> str:
    return (
        "The volume is from a multi-frame image that is split into several files (a "
        f"concatenation), of which at least {missing} {'are' if missing > 1 else 'is'} missing. "
        "It may lack slices."
    )


def _missing(headers: Sequence[Dataset]) -> int:
    """Least number of parts that are missing; a part alone lacks another one."""
    numbers = {_number(header, "InConcatenationNumber") for header in headers} - {0}
    return max(2, *map(_total, headers), *numbers) - max(1, len(numbers))


def _uid(header: Dataset) -> str:
    return str(header.get("ConcatenationUID") or "")


def _total(header: Dataset) -> int:
    return _number(header, "InConcatenationTotalNumber")


def _number(header: Dataset, keyword: str) -> int:
    """The value of an attribute; 0 where it is not one number."""
    value = header.get(keyword)
    return value if isinstance(value, int) else 0
