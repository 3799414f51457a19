"""A scan format, a mask format and a report format that exist only in tests.

`add()` puts them into the registry of a process before anything else is imported.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats import registry
from imaging.formats.format import MaskFormat, ReportFormat, ScanFormat, Segmentation
from imaging.formats.limits import Limits
from imaging.scan import Scan, in_memory

_SIGNATURE = b"DUMMYVOL"
ADD = "from tests.support.dummy_formats import add\nadd()\n"
"""Python that a process runs first."""


def dummy_bytes(voxels: np.ndarray) -> bytes:
    """A volume of uint8 in the dummy format: signature, three axes as uint16, voxels."""
    return _SIGNATURE + np.array(voxels.shape, "<u2").tobytes() + voxels.astype("u1").tobytes()


def dummy_voxels(data: bytes) -> np.ndarray:
    shape = np.frombuffer(data[8:14], "<u2")
    return np.frombuffer(data[14:], "u1").reshape(shape)


def _open(path: Path, limits: Limits, _scratch: Path | None) -> Scan:
    try:
        voxels = dummy_voxels(path.read_bytes())
    except ValueError as error:
        raise UnreadableScan("The dummy volume is cut off.", hint="Send it again.") from error
    limits.check_volume(voxels.size, voxels.nbytes)
    opened = in_memory(voxels[np.newaxis], (1.0, 1.0, 1.0))
    return Scan(
        shape=opened.shape,
        dtype=opened.dtype,
        affine=opened.affine,
        spacing_mm=opened.spacing_mm,
        format="dummy",
        reader=opened.reader,
        stored_shape=opened.stored_shape,
    )


def _verify(path: Path, limits: Limits) -> Scan:
    scan = _open(path, limits, None)
    scan.read(Box.whole(scan.grid))
    return scan


def _write(path: Path, segmentation: Segmentation) -> None:
    path.write_bytes(dummy_bytes(segmentation.mask))


def _render(report: Mapping[str, Any]) -> str:
    return f"dummy report of {report['model']['name']}"


SCAN = ScanFormat(
    name="dummy",
    title="Dummy",
    endings=(".dummy",),
    media_type="application/x-dummy",
    dimensions=(3,),
    recognises=lambda start: start.starts_with(_SIGNATURE),
    open=_open,
    verify=_verify,
)
MASK = MaskFormat(
    name="dummy",
    title="Dummy",
    endings=(".dummy",),
    media_type="application/x-dummy",
    dimensions=(3,),
    delivery="on request",
    write=_write,
)
REPORT = ReportFormat(
    name="dummy-report",
    title="Dummy report",
    endings=(".dummy.txt",),
    media_type="text/x-dummy",
    render=_render,
)


def add() -> None:
    """Adds the dummy formats to the registry of this process."""
    registry.SCAN_FORMATS = (*registry.SCAN_FORMATS, SCAN)
    registry.MASK_FORMATS = (*registry.MASK_FORMATS, MASK)
    registry.REPORT_FORMATS = (*registry.REPORT_FORMATS, REPORT)
