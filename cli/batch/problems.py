"""Why a scan failed, as `type` and `text`; and which errors are not the scan's."""

import logging

from cli.error_text import parts_of
from cli.input_scans import CHOICES
from imaging.errors import BadModel, SeveralScans, StorageFull, TesseraError, Unavailable
from jobs.problem import problem_of

_LOG = logging.getLogger(__name__)
_SEVERAL_HINT = (
    "`tessera segment` lists them. Choose one in a table in CSV that has the columns path, "
    f"{', '.join(CHOICES[:-1])} and {CHOICES[-1]}."
)
_SERVER_FAILED = 500
"""Status of a fault of the server that may be due to one scan. Others, such as a full disk (507),
are not."""


def ends_batch(error: Exception) -> bool:
    """Whether the other scans would fail in the same way, such as on a full disk."""
    if isinstance(error, StorageFull | BadModel):
        return True
    status = getattr(error.__cause__, "status", 0)
    return isinstance(error, Unavailable) and status != _SERVER_FAILED


def problem(error: Exception) -> dict[str, str]:
    """`type`, such as `urn:tessera:unreadable-scan`, and `text`, which says what to do."""
    if isinstance(error, SeveralScans):
        error = type(error)(error.detail, expected="One scan.", hint=_SEVERAL_HINT)
    if isinstance(error, TesseraError):
        own = problem_of(error)
        stated = getattr(error.__cause__, "type", "")  # of an error of the client
        kind = stated if stated.startswith("urn:") else own["type"]
        return {"type": kind, "text": " ".join(parts_of(error))}
    if isinstance(error, MemoryError):
        return _of(
            "out-of-memory", "There is not enough memory for this scan. Try a smaller --tile."
        )
    if isinstance(error, OSError):
        return _of("unreadable-scan", f"A file cannot be read or written: {error.strerror}.")
    _LOG.debug("unexpected error", exc_info=error)
    name = type(error).__name__
    return _of("unexpected", f"An unexpected error occurred ({name}); --verbose logs it.")


def _of(kind: str, text: str) -> dict[str, str]:
    return {"type": f"urn:tessera:{kind}", "text": text}
