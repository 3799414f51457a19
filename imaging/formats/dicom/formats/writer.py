"""Connects the DICOM formats with the code that writes them, which takes a second to load."""

from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.format import Segmentation, Write


def writer(name: str) -> Write:
    """The function that writes a segmentation as the DICOM object `name`."""

    def write(path: Path, segmentation: Segmentation) -> None:
        from imaging.formats.dicom.objects import write_object

        if segmentation.description is None:
            raise BadRequest(
                "The meaning of the mask's label numbers is unknown.",
                expected="The model that made the mask, for a DICOM object.",
                hint="Choose a format without label names, such as nifti or nrrd.",
            )
        write_object(
            path,
            name,
            segmentation.mask,
            segmentation.scan,
            segmentation.description,
            segmentation.measurements,
            segmentation.made_at,
            segmentation.of_reader,
        )

    return write
