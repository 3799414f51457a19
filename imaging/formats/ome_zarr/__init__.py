"""OME-Zarr (NGFF): images, volumes and masks, as a folder or a zip of one."""
