"""PNG as a scan format and as a mask format."""

from imaging.formats.format import MaskFormat, ScanFormat, only_part
from imaging.formats.limits import UNLIMITED
from imaging.formats.png.clean_copy import write_clean_png
from imaging.formats.png.read import SIGNATURE, open_png, verify_png
from imaging.formats.png.write import MAX_LABEL, write_mask_png

_NAME = "png"
_TITLE = "PNG"
_ENDINGS = (".png",)
_MEDIA_TYPE = "image/png"

SCAN = ScanFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(2,),
    recognises=lambda start: start.starts_with(SIGNATURE),
    open=lambda path, limits, _scratch: open_png(path, limits),
    verify=verify_png,
    deidentify=only_part(lambda path, target: write_clean_png(open_png(path, UNLIMITED), target)),
)

MASK = MaskFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(2,),
    stored_for=(2,),
    max_voxels=1 << 26,  # a PNG is encoded and decoded as a whole
    max_label=MAX_LABEL,
    write=lambda path, segmentation: write_mask_png(path, segmentation.mask),
)
