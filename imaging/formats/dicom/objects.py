"""Masks and measurements as DICOM objects that refer to the scan they were made of."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadRequest
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.rtstruct import write_rtstruct
from imaging.formats.dicom.seg import numbering, write_seg
from imaging.formats.dicom.sr import write_sr
from imaging.formats.dicom.stamp import Stamp
from imaging.formats.dicom.uids import uid
from imaging.meaning import Meaning
from imaging.measure import measure
from imaging.scan import Scan

SEG_KINDS: Mapping[str, Literal["BINARY", "LABELMAP"]] = {
    "dicom-seg": "BINARY",
    "dicom-labelmap": "LABELMAP",
}
FORMS = (*SEG_KINDS, "dicom-rtstruct", "dicom-sr")
_SERIES_NUMBER = 9001
"""SeriesNumber of the first form: behind whatever a scanner numbers."""


@runtime_checkable
class OnPlanes(Protocol):
    """What a DICOM scan knows of its source."""

    def planes(self) -> Planes:
        """The original image planes, in order along their normal."""
        ...

    def on_planes(self, mask: NDArray[Any]) -> NDArray[Any]:
        """A mask on the scan's grid -> (planes, rows, columns)."""
        ...


def write_object(
    path: Path,
    form: str,
    mask: NDArray[Any],
    scan: Scan,
    meaning: Meaning,
    measurements: Mapping[str, Any] | None,
    made_at: float,
) -> None:
    """Writes `mask`, on the scan's grid, as one DICOM instance of `form` (see FORMS).

    `measurements`, as in a job's report, are for dicom-sr; None: the mask is measured here.
    `made_at`: seconds since the epoch. The same arguments give the same bytes. Raises BadRequest
    for a scan that did not come as DICOM, and for what the form cannot tell.
    """
    source = _source(scan)
    stamp = _stamp(form, mask, scan, meaning, made_at)
    planes, on_planes = source.planes(), source.on_planes(mask)
    if form == "dicom-rtstruct":
        write_rtstruct(path, on_planes, planes, meaning, stamp)
    elif form == "dicom-sr":
        sizes = _measured(mask, scan, meaning) if measurements is None else measurements
        seg = _stamp("dicom-seg", mask, scan, meaning, made_at)
        segments = numbering(on_planes, meaning)
        write_sr(path, sizes, segments, planes, meaning, stamp, seg)
    else:
        write_seg(path, on_planes, planes, meaning, SEG_KINDS[form], stamp)


def uid_of(form: str, mask: NDArray[Any], scan: Scan, meaning: Meaning) -> str:
    """SOPInstanceUID of what `write_object` writes: it follows from these four alone."""
    planes = _source(scan).planes()
    least = np.min_scalar_type(int(mask.max(initial=0)))
    digest = sha256(np.ascontiguousarray(mask, least).data).hexdigest()
    instances = sha256()
    for header, frame in planes.frames:
        instances.update(f"{planes.headers[header].SOPInstanceUID}/{frame}\0".encode())
    parts = (str(mask.shape), digest, instances.hexdigest(), repr(meaning))
    return uid(form, *parts)


def _stamp(form: str, mask: NDArray[Any], scan: Scan, meaning: Meaning, made_at: float) -> Stamp:
    if form not in FORMS:
        raise BadRequest(
            "There is no such form of DICOM object.", expected=f"One of {', '.join(FORMS)}."
        )
    return Stamp(uid_of(form, mask, scan, meaning), made_at, _SERIES_NUMBER + FORMS.index(form))


def _source(scan: Scan) -> OnPlanes:
    if isinstance(scan.source, OnPlanes):
        return scan.source
    raise BadRequest(
        "The scan did not come as DICOM: there is no patient and no series to refer to.",
        expected="A DICOM series for DICOM results.",
        todo="Send the DICOM series itself, or fetch the mask as nifti, nrrd or png, "
        "the report as json or csv.",
    )


def _measured(mask: NDArray[Any], scan: Scan, meaning: Meaning) -> Mapping[str, Any]:
    labels = [(segment.number, segment.name) for segment in meaning.segments]
    return measure(mask, scan, labels, together=meaning.instances).as_dict()
