"""Copies of scans that consist of voxels and geometry: no text, and nothing about a patient."""

from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.metaimage.image import write_image
from imaging.formats.nifti.write import write_volume
from imaging.scan import Scan


def write_plain_copy(folder: Path, stem: str, scan: Scan) -> str:
    """Writes a volume as NIfTI and an image as MetaImage; returns the file's name.

    Raises BadRequest for a volume with several components.
    """
    if scan.dimension == 2:
        write_image(folder / f"{stem}.mha", scan)
        return f"{stem}.mha"
    if scan.shape[0] > 1:
        raise BadRequest(
            f"The volume has {scan.shape[0]} components.",
            expected="A volume with one value per voxel.",
            hint="Choose one of its components.",
        )
    write_volume(folder / f"{stem}.nii.gz", scan)
    return f"{stem}.nii.gz"
