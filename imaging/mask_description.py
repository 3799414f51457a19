"""What the values of a mask mean, and what made it."""

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
    """All labels of a mask, and the model that made it or whose labels it has."""

    segments: tuple[Segment, ...]
    algorithm: str
    """Name of the model."""
    version: str
    """Version of the model."""
    instances: bool = False
    """The mask numbers single objects, which all belong to the only segment."""
    corrected: bool = field(default=False, repr=False)
    """Whether a reader corrected the mask. It is not part of the repr, from which the UIDs of DICOM
    objects are derived."""
    supplied: bool = field(default=False, repr=False)
    """Whether a user supplied the mask: the labels are those of the model, but no network made it.
    It is not part of the repr either."""
