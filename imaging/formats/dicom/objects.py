"""Masks and measurements as DICOM objects that refer to the series of their scan."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadRequest
from imaging.formats.affine import shear_degrees
from imaging.formats.dicom.object_header import ObjectHeader
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.rtstruct import write_rtstruct
from imaging.formats.dicom.seg import numbered_segments, write_seg
from imaging.formats.dicom.source_series import SourceSeries
from imaging.formats.dicom.sr import write_sr
from imaging.formats.dicom.uids import single_uid, uid
from imaging.mask_description import MaskDescription
from imaging.measure import measure
from imaging.reader_measurements.review_measurements import ReviewMeasurements
from imaging.scan import Scan

SEG_KINDS: Mapping[str, Literal["BINARY", "LABELMAP"]] = {
    "dicom-seg": "BINARY",
    "dicom-labelmap": "LABELMAP",
}
FORMS = (*SEG_KINDS, "dicom-rtstruct", "dicom-sr")
_IDENTIFIERS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_SERIES_NUMBER = 9001
"""SeriesNumber of the first form: larger than the numbers that scanners use."""


_SHEAR_DEGREES = 0.15
"""Above the tilt of slices that is accepted as rounding (see `TILT_DEGREES`)."""


def write_object(
    path: Path,
    form: str,
    mask: NDArray[Any],
    scan: Scan,
    description: MaskDescription,
    measurements: Mapping[str, Any] | None,
    made_at: float,
    of_reader: ReviewMeasurements | None = None,
) -> None:
    """Writes `mask`, on the scan's grid, as one DICOM instance of `form` (see FORMS).

    `measurements`, as in a job's report, are for dicom-sr; None: the mask is measured here.
    `of_reader`: what a reader measured, for dicom-sr. `made_at` is in seconds since the epoch. The
    same arguments give the same bytes. Raises BadRequest for a scan that is not DICOM, and for a
    mask that the form cannot represent.
    """
    if form not in FORMS:
        raise BadRequest(
            "The form of DICOM object is unknown.", expected=f"One of {', '.join(FORMS)}."
        )
    source = _source(scan)
    _check_perpendicular(scan)
    planes, on_planes = _identified(source.planes()), source.on_planes(mask)

    def stamp(of: str, *more: str) -> ObjectHeader:
        return ObjectHeader(
            _uid(of, mask, planes, description, *more), made_at, _SERIES_NUMBER + FORMS.index(of)
        )

    if form == "dicom-rtstruct":
        write_rtstruct(path, on_planes, planes, description, stamp(form))
    elif form == "dicom-sr":
        sizes = _measured(mask, scan, description) if measurements is None else measurements
        segments = numbered_segments(on_planes, description)
        header = stamp(form, *(() if of_reader is None else (repr(of_reader),)))
        seg = stamp("dicom-seg")
        write_sr(path, sizes, segments, planes, description, header, seg, of_reader)
    else:
        write_seg(path, on_planes, planes, description, SEG_KINDS[form], stamp(form))


def _uid(
    form: str, mask: NDArray[Any], planes: Planes, description: MaskDescription, *more: str
) -> str:
    least = np.min_scalar_type(int(mask.max(initial=0)))
    digest = sha256(np.ascontiguousarray(mask, least).data).hexdigest()
    instances = sha256()
    for header, frame in planes.frames:
        instances.update(f"{planes.headers[header].SOPInstanceUID}/{frame}\0".encode())
    origin = [name for name in ("corrected", "supplied") if getattr(description, name)]
    return uid(
        form, str(mask.shape), digest, instances.hexdigest(), repr(description), *origin, *more
    )


def _source(scan: Scan) -> SourceSeries:
    if scan.source is not None:
        return scan.source
    raise BadRequest(
        "The scan is not DICOM: a DICOM result would have no patient and no series to refer to.",
        expected="A DICOM series for DICOM results.",
        hint="Send the DICOM series itself, or fetch the mask as nifti, nrrd or png, "
        "the report as json or csv.",
    )


def _check_perpendicular(scan: Scan) -> None:
    """Raises BadRequest for a volume whose axes are not at right angles (PS3.3, C.7.6.2.1.1)."""
    degrees = shear_degrees(scan.affine)
    if degrees > _SHEAR_DEGREES:
        raise BadRequest(
            f"The axes of the scan are not perpendicular: an angle differs by {degrees:.2g} "
            "degrees from 90. A DICOM object cannot describe such a grid.",
            expected="Rows, columns and slices at right angles.",
            hint="Fetch the mask as nifti or nrrd, the report as json or csv.",
        )


def _identified(planes: Planes) -> Planes:
    if all(single_uid(header, name) for header in planes.headers for name in _IDENTIFIERS):
        return planes
    raise BadRequest(
        "An image of the DICOM scan has no UID, or several, so that results cannot refer to it.",
        expected=f"One value of {', '.join(_IDENTIFIERS)} each (PS3.3, C.12.1 and C.7).",
        hint="Export the series again, or fetch the mask as nifti or nrrd.",
    )


def _measured(mask: NDArray[Any], scan: Scan, description: MaskDescription) -> Mapping[str, Any]:
    labels = [(segment.number, segment.name) for segment in description.segments]
    return measure(mask, scan, labels, together=description.instances).as_dict()
