"""The segments of a mask: which labels it holds, and their descriptions in DICOM."""

from typing import Any

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.sr.codedict import codes

from imaging.errors import BadRequest
from imaging.formats.dicom.color import cielab
from imaging.formats.dicom.object_header import MANUFACTURER, text
from imaging.mask_description import Code, MaskDescription, Segment


def labelled(mask: NDArray[Any], description: MaskDescription) -> NDArray[Any]:
    """The mask with segment numbers; numbered objects all belong to the one segment."""
    if not description.instances:
        return mask
    number = description.segments[0].number
    one: NDArray[Any] = (mask > 0) * np.min_scalar_type(number).type(number)
    return one


def presence(mask: NDArray[Any], segments: tuple[Segment, ...]) -> NDArray[np.bool_]:
    """(planes, segments): whether a plane holds a voxel of a segment.

    Raises BadRequest where the mask holds a number that belongs to no segment.
    """
    top = max(segment.number for segment in segments)
    if int(mask.max(initial=0)) > top:
        raise _unknown()
    found = np.array([np.bincount(plane.ravel(), minlength=top + 1) > 0 for plane in mask])
    numbers = [segment.number for segment in segments]
    if found[:, np.setdiff1d(np.arange(1, top + 1), numbers)].any():
        raise _unknown()
    held: NDArray[np.bool_] = found[:, numbers]
    return held


def ordered(description: MaskDescription) -> tuple[Segment, ...]:
    """All segments, by number."""
    return tuple(sorted(description.segments, key=lambda segment: segment.number))


def segment_description(
    number: int, segment: Segment, description: MaskDescription, tracking_uid: str
) -> SegmentDescription:
    """An item of SegmentSequence (PS3.3 C.8.20.2)."""
    label = text(segment.name) or f"label {segment.number}"
    item = SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=concept(segment.category),
        segmented_property_type=concept(segment.type),
        algorithm_type=algorithm_type(description),
        algorithm_identification=_algorithm(description),
        tracking_uid=tracking_uid,
        tracking_id=label,
        display_color=CIELabColor(*cielab(segment.color)),
    )
    if segment.modifier is not None:
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [concept(segment.modifier)]
    return item


def algorithm_type(description: MaskDescription) -> str:
    """SegmentAlgorithmType (PS3.3 C.8.20.2) and ROIGenerationAlgorithm (C.8.8.5): a mask that a
    user supplied is entered by the user, and one that a reader corrected is no longer the model's
    alone."""
    if description.supplied:
        return "MANUAL"
    return "SEMIAUTOMATIC" if description.corrected else "AUTOMATIC"


def _algorithm(description: MaskDescription) -> AlgorithmIdentificationSequence | None:
    """The network; None for a mask that no network made."""
    if description.supplied:
        return None
    return AlgorithmIdentificationSequence(
        name=text(description.algorithm),
        family=codes.DCM.ArtificialIntelligence,
        version=text(description.version),
        source=MANUFACTURER,
    )


def concept(code: Code) -> CodedConcept:
    """A code as an item of a code sequence (PS3.3 8.8)."""
    return CodedConcept(code.value, code.scheme, text(code.meaning))


def _unknown() -> BadRequest:
    return BadRequest(
        "The mask holds a number that is not a label of its model.",
        expected="Label values of the model's card, and 0 for background.",
        hint="Correct the mask, or fetch it as nifti.",
    )
