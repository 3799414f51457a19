"""Errors of OME-Zarr files."""

from imaging.errors import UnreadableScan, UnsupportedScan


def damaged() -> UnreadableScan:
    """The error for an OME-Zarr image that is damaged."""
    return UnreadableScan(
        "The OME-Zarr image is cut off or damaged.",
        expected="A complete OME-Zarr image, NGFF 0.4 or 0.5: a folder, or a zip of one.",
        hint="Export or copy the image again.",
    )


def invalid_metadata() -> UnreadableScan:
    """The error for metadata that do not describe an image as NGFF requires."""
    return UnreadableScan(
        "The metadata of the OME-Zarr image lacks a field, or a field has a wrong value.",
        expected="Axes, datasets and coordinate transformations as in NGFF 0.4 or 0.5, and the "
        "array that they name.",
        hint="Export the image again, or correct its .zattrs or zarr.json.",
    )


def unsupported(
    detail: str,
    expected: str = "An OME-Zarr image or volume, NGFF 0.4 or 0.5, of integers or floats.",
    hint: str = "Save it in this form, or as OME-TIFF.",
) -> UnsupportedScan:
    """The error for a valid OME-Zarr of a kind that is not supported."""
    return UnsupportedScan(detail, expected=expected, hint=hint)
