"""MGH and MGZ as a scan format and as a mask format."""

from pathlib import Path

import numpy as np

from imaging.formats.file_start import FileStart
from imaging.formats.format import MaskFormat, ScanFormat, Segmentation
from imaging.formats.label_map import check_shape, upright, upright_affine
from imaging.formats.mgh.header import geometry_of, is_mgh
from imaging.formats.mgh.read import MghVoxels, extract_mgh, mgh_parts, open_mgh, verify_mgh
from imaging.formats.mgh.write import write_mgh

_NAME = "mgh"
_TITLE = "FreeSurfer MGH"
_ENDINGS = (".mgz", ".mgh")
_MEDIA_TYPE = "application/x-mgh"


def _recognises(start: FileStart) -> bool:
    return is_mgh(start.inflated())


def _write(path: Path, segmentation: Segmentation) -> None:
    """Writes a mask as uint8 or int32, compressed unless the name ends in `.mgh`.

    The mask of an MGH scan keeps the scan's own numbers, and states no more than its scan. The mask
    of an image is one slice, as in `imaging/formats/label_map.py`.
    """
    mask, scan = segmentation.mask, segmentation.scan
    check_shape(mask, scan)
    affine = scan.affine
    if scan.dimension == 2:
        mask, affine = upright(mask), upright_affine(scan)
    i, j, k = mask.shape
    geometry: tuple[float, ...] | None = geometry_of(affine, (i, j, k))
    if isinstance(scan.reader, MghVoxels):
        geometry = scan.reader.header.geometry
    stored = np.dtype("u1" if int(mask.max(initial=0)) < 256 else ">i4")
    write_mgh(
        path,
        lambda first, stop: mask[..., first:stop],
        (i, j, k),
        stored,
        geometry,
        compress=path.suffix != ".mgh",
    )


SCAN = ScanFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(3,),
    recognises=_recognises,
    open=open_mgh,
    verify=verify_mgh,
    parts=mgh_parts,
    extract=extract_mgh,
    deidentify=extract_mgh,
)

MASK = MaskFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    max_label=2**31 - 1,
    write=_write,
)
