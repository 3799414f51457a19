"""What the numbers of a mask mean, and which algorithm says so; formats that can tell it, do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept, DICOM PS3.3 8: `10200004`, `SCT`, `Liver`."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One label of a mask."""

    number: int
    """The mask's voxel value."""
    name: str
    color: str
    """#rrggbb"""
    category: Code
    """SegmentedPropertyCategoryCodeSequence."""
    type: Code
    """SegmentedPropertyTypeCodeSequence."""
    modifier: Code | None = None
    """SegmentedPropertyTypeModifierCodeSequence: laterality."""


@dataclass(frozen=True, slots=True)
class MaskDescription:
    """All labels of a mask, and the network that made it."""

    segments: tuple[Segment, ...]
    algorithm: str
    version: str
    instances: bool = False
    """The mask numbers single objects; all of them are the one segment's."""
