"""How objects name the images that they speak of."""

from collections.abc import Iterable
from itertools import groupby

from pydicom import Dataset

from imaging.formats.dicom.referenced_plane import ReferencedPlane


def referenced_series(headers: Iterable[Dataset]) -> list[Dataset]:
    """Items of ReferencedSeriesSequence (PS3.3 C.12.1.1.16.2): one for each series of `headers`."""
    return [
        series(str(number), instances)
        for number, instances in groupby(headers, lambda header: header.SeriesInstanceUID)
    ]


def series(number: str, instances: Iterable[Dataset]) -> Dataset:
    """A series and its instances."""
    item = Dataset()
    item.SeriesInstanceUID = number
    item.ReferencedInstanceSequence = [instance(header) for header in instances]
    return item


def instance(header: Dataset) -> Dataset:
    """One instance, by class and UID."""
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return item


def image(place: ReferencedPlane) -> Dataset:
    """The image on one plane: an instance, or a frame of it."""
    item = instance(place.instance)
    if place.frame is not None:
        item.ReferencedFrameNumber = place.frame
    return item
