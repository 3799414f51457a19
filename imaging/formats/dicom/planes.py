"""The image planes of a DICOM scan, in the form that results need to refer to them."""

from dataclasses import dataclass

from pydicom import Dataset


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
