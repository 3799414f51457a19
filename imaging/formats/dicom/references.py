"""Items of the sequences by which a DICOM object refers to images."""

from collections.abc import Iterable
from itertools import groupby

from pydicom import Dataset

from imaging.formats.dicom.referenced_plane import ReferencedPlane


def referenced_series(headers: Iterable[Dataset]) -> list[Dataset]:
    """Items of ReferencedSeriesSequence (PS3.3 C.12.1.1.16.2), one for each series in `headers`."""
    return [
        series(str(number), instances)
        for number, instances in groupby(headers, lambda header: header.SeriesInstanceUID)
    ]


def series(number: str, instances: Iterable[Dataset]) -> Dataset:
    """The item of a series and its instances."""
    item = Dataset()
    item.SeriesInstanceUID = number
    item.ReferencedInstanceSequence = [instance(header) for header in instances]
    return item


def instance(header: Dataset) -> Dataset:
    """The item of one instance: its class and UID."""
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return item


def image(plane: ReferencedPlane) -> Dataset:
    """The item of the image on one plane: an instance, or a frame of one."""
    item = instance(plane.instance)
    if plane.frame is not None:
        item.ReferencedFrameNumber = plane.frame
    return item
