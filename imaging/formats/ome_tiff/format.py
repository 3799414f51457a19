"""OME-TIFF as a mask format."""

from imaging.formats.format import MaskFormat
from imaging.formats.ome_tiff.write import write_ome_tiff

MASK = MaskFormat(
    name="ome-tiff",
    title="OME-TIFF",
    endings=(".ome.tif", ".ome.tiff"),
    media_type="image/tiff",
    dimensions=(2,),
    stored_for=(2,),
    write=lambda path, segmentation: write_ome_tiff(path, segmentation.mask, segmentation.scan),
)
