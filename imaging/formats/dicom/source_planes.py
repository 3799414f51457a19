"""The original planes of a stack, with their whole headers, for results that refer to them."""

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.valuerep import DSfloat

from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.planes import Planes


def source_planes(frames: Sequence[Frame]) -> Planes:
    """The planes of these frames; reads the whole header of each instance once."""
    instances = list(dict.fromkeys(frame.instance for frame in frames))
    headers = {instance: instance.whole_header() for instance in instances}
    if any(frame.tile is not None for frame in frames):
        return Planes(
            headers=tuple(_tile_header(headers[frame.instance], frame) for frame in frames),
            frames=tuple((number, 0) for number in range(len(frames))),
        )
    order = {instance: n for n, instance in enumerate(instances)}
    return Planes(
        headers=tuple(headers.values()),
        frames=tuple((order[frame.instance], frame.number) for frame in frames),
    )


def _tile_header(header: Dataset, frame: Frame) -> Dataset:
    """The header that the slice in a tile would have as an image of its own."""
    plane = Dataset()
    plane.update(header)  # elements are shared with the header, and replaced below
    plane.file_meta = header.file_meta
    plane.Rows, plane.Columns = frame.size
    if frame.geometry is not None:
        position = [DSfloat(float(n), auto_format=True) for n in frame.geometry.position]
        plane.ImagePositionPatient = position
    return plane
