"""Rules that send results to an Orthanc, and what must arrive there."""

import io
from typing import Any

from highdicom.seg import segread
from pydicom import Dataset, dcmread

from tests.support.installation import MODEL
from tests.support.orthanc import Orthanc

FORMATS = ("dicom-seg", "dicom-sr", "dicom-rtstruct")
MODALITIES = ("SEG", "SR", "RTSTRUCT")


def routes(orthanc: Orthanc, *, web: bool = True, **rule: Any) -> str:
    """A peer that is the Orthanc, by DICOMweb or by C-STORE, and one rule."""
    where = (
        f'dicomweb = "{orthanc.url}/dicom-web"'
        if web
        else f'host = "127.0.0.1"\nport = {orthanc.dicom}\nae_title = "ORTHANC"'
    )
    values = {"model": MODEL, "modality": "m?", "to": ["archive"], "formats": list(FORMATS), **rule}
    text = "\n".join(f"{name} = {_toml(value)}" for name, value in values.items())
    return f'[[peer]]\nname = "archive"\n{where}\n[[rule]]\n{text}\n'


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def delivered(orthanc: Orthanc) -> bool:
    return all(orthanc.instances(modality) for modality in MODALITIES)


def check(orthanc: Orthanc, images: list[Dataset]) -> None:
    """One SEG, SR and RTSTRUCT in the images' study, each for the images' series."""
    for modality in MODALITIES:
        (found,) = orthanc.instances(modality)
        made = dcmread(io.BytesIO(orthanc.file(found["ID"])))
        assert made.StudyInstanceUID == images[0].StudyInstanceUID, modality
        assert str(made.PatientID) == str(images[0].PatientID)
        assert made.SeriesInstanceUID != images[0].SeriesInstanceUID
    (found,) = orthanc.instances("SEG")
    mask = segread(io.BytesIO(orthanc.file(found["ID"])))
    known = {str(image.SOPInstanceUID) for image in images}
    assert {str(uid) for _, _, uid in mask.get_source_image_uids()} <= known
