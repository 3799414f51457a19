"""What a scan knows of the image planes that it was made of."""

from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from imaging.formats.dicom.planes import Planes


@runtime_checkable
class OnPlanes(Protocol):
    """What a DICOM scan knows of its source."""

    def planes(self) -> Planes:
        """The original image planes, in order along their normal."""
        ...

    def on_planes(self, mask: NDArray[Any]) -> NDArray[Any]:
        """A mask on the scan's grid -> (planes, rows, columns)."""
        ...
