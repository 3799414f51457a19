"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    """It works, and someone should look at it."""
    PROBLEM = "problem"
    """Something does not work, or is not safe."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result. It contains no patient data and no secret."""

    check: str
    """What was checked, in a few words."""
    level: Level
    text: str
    """What is the case."""
    hint: str = ""
    """What to do; empty if nothing is wrong."""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, hint: str) -> Finding:
    """Someone should look at it."""
    return Finding(check, Level.WARNING, text, hint)


def problem(check: str, text: str, hint: str) -> Finding:
    """Something is wrong."""
    return Finding(check, Level.PROBLEM, text, hint)
