"""Multi-frame images that are split into several instances (concatenations, PS3.3, C.7.6.16.1).

The parts have the same ConcatenationUID, and are numbered from 1. Their number is optional.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from pydicom import Dataset

from imaging.errors import UnreadableScan
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.stack import Stack

_MOST_NAMED = 5
"""Missing parts that an error names."""


def is_part(header: Dataset) -> bool:
    """Whether an image is one of several parts, or may be: their number is not stated."""
    return _uid(header) != "" and _total(header) != 1


def with_missing_parts(stacks: Sequence[Stack], frames: Iterable[Frame]) -> list[Stack]:
    """Adds a note to each volume of an image some of whose parts are not in its series.

    `frames`: all of the series.
    """
    missing = {uid: _missing(headers) for uid, headers in _parts(frames).items()}
    incomplete = {uid: number for uid, number in missing.items() if number}
    return [_noted(stack, incomplete) for stack in stacks] if incomplete else list(stacks)


def missing_part(stack: Stack, frames: Iterable[Frame]) -> UnreadableScan | None:
    """Why a volume is refused: the headers state parts that are not in its series; None: all are.

    `frames`: all of the series. A first part that does not state their number may be the only one;
    `with_missing_parts` adds a note about it.
    """
    parts = _parts(frames) if stack.plane is not None else {}
    errors = (_error(parts[uid]) for uid in _uids(stack) if uid in parts)
    return next((error for error in errors if error is not None), None)


def _parts(frames: Iterable[Frame]) -> dict[str, list[Dataset]]:
    """The headers of the parts of each concatenation."""
    headers = {id(frame.instance): frame.instance.header for frame in frames}
    parts: dict[str, list[Dataset]] = {}
    for header in filter(is_part, headers.values()):
        parts.setdefault(_uid(header), []).append(header)
    return parts


def _uids(stack: Stack) -> list[str]:
    return list(dict.fromkeys(_uid(frame.instance.header) for frame in stack.frames))


def _noted(stack: Stack, incomplete: dict[str, int]) -> Stack:
    if stack.plane is None:
        return stack
    return stack.with_notes(*(_note(incomplete[uid]) for uid in _uids(stack) if uid in incomplete))


def _error(headers: Sequence[Dataset]) -> UnreadableScan | None:
    numbers, stated = _numbers(headers), _stated(headers)
    missing = stated - (len(numbers) or len(headers))
    if missing <= 0:
        return None
    named = list(islice((n for n in range(1, stated + 1) if n not in numbers), _MOST_NAMED))
    which = f"number {', '.join(map(str, named))}" if numbers else "of unknown number"
    if numbers and missing > len(named):
        which += f" and {missing - len(named):,} more"
    return UnreadableScan(
        "The volume is from a multi-frame image that is split into several files (a "
        f"concatenation), and the upload lacks {missing:,} of {stated:,} parts: {which}.",
        expected="All parts, by In-concatenation Number and In-concatenation Total Number (PS3.3, "
        "C.7.6.16.1).",
        hint="Send all files of the series together.",
    )


def _note(missing: int) -> str:
    return (
        "The volume is from a multi-frame image that is split into several files (a "
        f"concatenation), of which at least {missing} {'are' if missing > 1 else 'is'} missing. "
        "It may lack slices."
    )


def _missing(headers: Sequence[Dataset]) -> int:
    """Least number of parts that are missing; a part alone lacks another one."""
    present = len(_numbers(headers)) or len(headers)
    return max(0, max(2, _stated(headers)) - present)


def _numbers(headers: Iterable[Dataset]) -> set[int]:
    """The numbers of the parts, from 1; those that state none are left out."""
    return {_number(header, "InConcatenationNumber") for header in headers} - {0}


def _stated(headers: Sequence[Dataset]) -> int:
    """The number of parts that there are at least, by what each states."""
    return max(0, *map(_total, headers), *_numbers(headers))


def _uid(header: Dataset) -> str:
    return str(header.get("ConcatenationUID") or "")


def _total(header: Dataset) -> int:
    return _number(header, "InConcatenationTotalNumber")


def _number(header: Dataset, keyword: str) -> int:
    """The value of an attribute; 0 where it is not one number."""
    value = header.get(keyword)
    return value if isinstance(value, int) else 0
