"""Values of scans around the boxes that were asked for last.

The box of the next stroke is near that of the last one. A region that is larger than a box is read
once, so that a compressed scan is not unpacked at each stroke.
"""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.assistance.request import AssistanceRequest, ScanNeeded
from imaging.box import Box
from imaging.formats.sniff import open_scan

_AROUND = 64
"""Voxels around a box that are read with it, on each side, in a volume."""
_AROUND_PIXELS = 512
_MOST_BYTES = 256 << 20
"""Of all regions together; the newest stays in any case."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of a scan in memory."""

    box: Box
    values: NDArray[Any]
    """(c, *box), as the scan's `read` returns them."""
    spacing: tuple[float, ...]
    """mm along each axis, or pixels where it is unknown."""

    def holds(self, box: Box) -> bool:
        """Whether `box` is inside."""
        inner = zip(box.start, box.stop, self.box.start, self.box.stop, strict=True)
        return all(a >= low and b <= high for a, b, low, high in inner)

    def read(self, box: Box) -> NDArray[Any]:
        """The values of a box inside, a view."""
        moved = (
            slice(a - low, b - low)
            for a, b, low in zip(box.start, box.stop, self.box.start, strict=True)
        )
        return self.values[(slice(None), *moved)]


class RegionCache:
    """One region of each of the last scans."""

    def __init__(self) -> None:
        self._regions: OrderedDict[str, Region] = OrderedDict()

    def region(self, request: AssistanceRequest, box: Box) -> Region:
        """A region that holds `box`, which is on the axes of the scan.

        Raises ScanNeeded where it must be read and the request has no path.
        """
        region = self._regions.get(request.scan)
        if region is None or not region.holds(box):
            if request.path is None:
                raise ScanNeeded
            self._regions.pop(request.scan, None)
            region = self._regions[request.scan] = _read(request.path, request, box)
        self._regions.move_to_end(request.scan)
        while len(self._regions) > 1 and self._size() > _MOST_BYTES:
            self._regions.popitem(last=False)
        return region

    def _size(self) -> int:
        return sum(region.values.nbytes for region in self._regions.values())


def _read(path: Path, request: AssistanceRequest, box: Box) -> Region:
    scan = open_scan(path, request.limits, request.scratch)
    around = _AROUND if scan.dimension == 3 else _AROUND_PIXELS
    grown = Box(
        tuple(max(0, a - around) for a in box.start),
        tuple(min(n, b + around) for n, b in zip(scan.grid, box.stop, strict=True)),
    )
    if grown.size * scan.shape[0] * scan.dtype.itemsize > _MOST_BYTES:
        grown = box
    return Region(grown, scan.read(grown), scan.spacing_mm or (1.0,) * scan.dimension)
