"""What the values of a mask mean, and which algorithm made it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept, such as `10200004`, `SCT`, `Liver` (DICOM PS3.3 section 8)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One label of a mask."""

    number: int
    """The voxel value in the mask."""
    name: str
    color: str
    """#rrggbb"""
    category: Code
    """SegmentedPropertyCategoryCodeSequence."""
    type: Code
    """SegmentedPropertyTypeCodeSequence."""
    modifier: Code | None = None
    """SegmentedPropertyTypeModifierCodeSequence, such as laterality."""


@dataclass(frozen=True, slots=True)
class MaskDescription:
    """All labels of a mask, and the model that made it."""

    segments: tuple[Segment, ...]
    algorithm: str
    version: str
    instances: bool = False
    """The mask numbers single objects, which all belong to the only segment."""
    corrected: bool = field(default=False, repr=False)
    """Whether a reader corrected the mask that the model made. It is not part of the repr, from
    which the UIDs of DICOM objects are derived."""
