"""Doubts: reasons why the mask of a scan may be wrong, which nothing in the mask shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class DoubtKind(StrEnum):
    """What a doubt is about."""

    MODALITY = "modality"
    BODY_PART = "body-part"
    SPACING = "spacing"
    EXTENT = "extent"
    """The field of view, or what part of it a channel covers."""
    VALUES = "values"
    COLOUR = "colour"
    ORIENTATION = "orientation"
    REFERENCE = "reference"
    """The model does not give the mask of its reference case on this machine."""
    EMPTY = "empty"
    """No voxel of the mask has a label."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason why a mask may be wrong."""

    kind: DoubtKind
    text: str
    """A sentence without patient data."""

    def about(self, subject: str) -> "Doubt":
        """The same doubt, of a text that begins with what it is about."""
        return Doubt(self.kind, f"{subject}: {self.text}")


Remark = str | Doubt
"""A warning, or one that puts the mask in doubt."""


def texts_of(remarks: Iterable[Remark]) -> tuple[str, ...]:
    """The warnings, each once."""
    return tuple(dict.fromkeys(r.text if isinstance(r, Doubt) else r for r in remarks))


def doubts_of(remarks: Iterable[Remark]) -> tuple[Doubt, ...]:
    """The doubts, each once."""
    return tuple(dict.fromkeys(r for r in remarks if isinstance(r, Doubt)))
