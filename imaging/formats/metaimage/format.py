"""MetaImage as a scan format and as a mask format."""

from pathlib import Path

import numpy as np

from imaging.formats.format import MaskFormat, ScanFormat, Segmentation
from imaging.formats.label_map import check_shape, label_dtype, upright_affine
from imaging.formats.metaimage.fields import is_metaimage
from imaging.formats.metaimage.pair import PAIR
from imaging.formats.metaimage.read import (
    MetaPixels,
    MetaVoxels,
    extract_metaimage,
    metaimage_parts,
    open_metaimage,
    verify_metaimage,
)
from imaging.formats.metaimage.space import MetaSpace
from imaging.formats.metaimage.write import write_metaimage

_NAME = "metaimage"
_TITLE = "MetaImage"
_ENDINGS = (".mha",)
_MEDIA_TYPE = "application/octet-stream"
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _write(path: Path, segmentation: Segmentation) -> None:
    """Writes a mask at its scan's exact position; the mask of an image has two axes.

    The mask of a MetaImage keeps its scan's own numbers and unit, and states no more than its scan.
    Any other is in mm, or in pixels where the size of an image's pixels is not known.
    """
    mask, scan = segmentation.mask, segmentation.scan
    check_shape(mask, scan)
    space = MetaSpace(_LPS @ scan.affine)
    if scan.dimension == 2:
        mask, space = mask.T, MetaSpace(upright_affine(scan))
    if isinstance(scan.reader, MetaVoxels | MetaPixels):
        space = scan.reader.header.space
    kind = label_dtype(mask).newbyteorder("<")
    write_metaimage(path, lambda a, b: mask[..., a:b], mask.shape, kind, space, compress=True)


SCAN = ScanFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(2, 3),
    recognises=lambda start: is_metaimage(start.head),
    open=open_metaimage,
    verify=verify_metaimage,
    parts=metaimage_parts,
    extract=extract_metaimage,
    pair=PAIR,
    deidentify=extract_metaimage,
)

MASK = MaskFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    write=_write,
)
