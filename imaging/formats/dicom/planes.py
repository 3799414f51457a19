"""The image planes of a DICOM scan, in the form that results need to refer to them."""

from copy import copy
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.sequence import Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """The original image planes of one scan, in order along its normal.

    Plane n of a mask, (rows, columns), lies on plane n here.
    """

    headers: tuple[Dataset, ...]
    """One per SOP instance, without pixel data; a classic series has one per plane. A mosaic has
    one per plane too, all with the UID of the same instance."""
    frames: tuple[tuple[int, int], ...]
    """For each plane: the index of its header in `headers`, and its frame in it, from 0."""

    @property
    def instances(self) -> tuple[Dataset, ...]:
        """One header per SOP instance."""
        return tuple({str(n.SOPInstanceUID): n for n in reversed(self.headers)}.values())[::-1]

    def taken_from(self, frame: int, frames: int) -> "Planes":
        """The only plane as the frame, from 1, of an instance that has `frames` frames."""
        header = copy(self.headers[0])
        header.NumberOfFrames = frames
        groups = header.get("PerFrameFunctionalGroupsSequence")
        if groups:
            header.PerFrameFunctionalGroupsSequence = Sequence([groups[0]] * frames)
        return Planes((header,), ((0, frame - 1),))
