"""DICOM objects that masks are written as."""

import tempfile
from pathlib import Path

import numpy as np
from pydicom import dcmread

from imaging.formats.dicom.objects import write_object
from imaging.mask_description import MaskDescription
from imaging.scan import Scan


def uid_of(form: str, mask: np.ndarray, scan: Scan, description: MaskDescription) -> str:
    """SOPInstanceUID of the object that `write_object` writes, at another time than in tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object.dcm"
        write_object(path, form, mask, scan, description, None, 1.0)
        return str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)
