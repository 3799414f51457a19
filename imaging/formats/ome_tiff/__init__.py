"""OME-TIFF: masks of large images. As a scan, an OME-TIFF is a TIFF."""
