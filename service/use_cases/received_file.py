"""A file that a caller sent."""

from dataclasses import dataclass
from pathlib import Path

UNNAMED = "scan"
"""The name of a file whose sender states none."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A complete file in scratch; scan intake may move it away."""

    path: Path
    name: str
    """The sender's name for it: a base name without control characters; never logged."""
    bytes: int
