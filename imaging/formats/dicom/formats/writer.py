"""Connects the DICOM formats with the code that writes them, which takes a second to load."""

from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.format import Segmentation, Write


def writer(name: str) -> Write:
    """The function that writes a segmentation as the DICOM object `name`."""

    def write(path: Path, made: Segmentation) -> None:
        from imaging.formats.dicom.objects import write_object

        if made.description is None:
            raise BadRequest("A DICOM object needs the meaning of the mask's label numbers.")
        write_object(
            path, name, made.mask, made.scan, made.description, made.measurements, made.made_at
        )

    return write
