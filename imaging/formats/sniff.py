"""Recognises a scan's format by its content, never by its name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats import jpeg, nrrd, png, tiff
from imaging.formats.dicom.open import open_dicom
from imaging.formats.dicom.pack import is_pack
from imaging.formats.dicom.unpack import is_dicom
from imaging.formats.limits import Limits
from imaging.formats.nifti import GZIP, open_nifti, start_of, verify_nifti
from imaging.formats.nifti_header import byte_order
from imaging.formats.ome_zarr import is_ome_zarr, open_ome_zarr, verify_ome_zarr
from imaging.scan import Scan

SERVED = (
    "A NIfTI (.nii, .nii.gz) or NRRD volume, a DICOM series, a PNG, JPEG or TIFF picture, or an "
    "OME-Zarr image."
)
_DEFAULT = Limits()
_OPENERS: Mapping[str, Callable[[Path, Limits, Path | None], Scan]] = {
    "png": lambda path, limits, _: png.open_png(path, limits),
    "jpeg": lambda path, limits, _: jpeg.open_jpeg(path, limits),
    "tiff": tiff.open_tiff,
    "ome-zarr": open_ome_zarr,
    "nrrd": nrrd.open_nrrd,
    "dicom": open_dicom,
    "nifti": partial(open_nifti, gzipped=False),
    "nifti.gz": partial(open_nifti, gzipped=True),
}
_VERIFIERS: Mapping[str, Callable[[Path, Limits], Scan]] = {
    "png": png.verify_png,
    "jpeg": jpeg.verify_jpeg,
    "tiff": tiff.verify_tiff,
    "ome-zarr": verify_ome_zarr,
    "nrrd": nrrd.verify_nrrd,
    "dicom": open_dicom,  # pixels are decoded by whoever reads them
    "nifti": partial(verify_nifti, gzipped=False),
    "nifti.gz": partial(verify_nifti, gzipped=True),
}
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (png.SIGNATURE, "png"),
    (jpeg.SIGNATURE, "jpeg"),
    (nrrd.SIGNATURE, "nrrd"),
    *((signature, "tiff") for signature in tiff.SIGNATURES),
)
_ZIP = b"PK\x03\x04"
_FOREIGN: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"ObjectType", "a MetaImage file", "Convert it to .nii.gz, for example with 3D Slicer."),
    (0, b"\x89HDF", "an HDF5 file", "Save the volume in it as .nii.gz."),
    (0, _ZIP, "a zip archive", "Unpack it and send the scans in it."),
    (0, b"GIF8", "a GIF picture", "Save it as PNG."),
    (0, b"BM", "a BMP picture", "Save it as PNG."),
    (8, b"WEBP", "a WebP picture", "Save it as PNG."),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", "Save it as PNG or TIFF."),
    (0, b"%PDF", "a PDF document", "Send the scan itself."),
)


def open_scan(path: Path, limits: Limits = _DEFAULT, scratch: Path | None = None) -> Scan:
    """The scan at `path`; reads headers, no voxels.

    `scratch` is where what cannot be read by region is unpacked when it is first read. Raises
    UnreadableScan, UnsupportedScan or ScanTooLarge, each telling what to do.
    """
    return _OPENERS[_kind(path)](path, limits, scratch)


def verify(path: Path, limits: Limits = _DEFAULT) -> Scan:
    """As open_scan, and proves that the file holds all it promises, in flat memory.

    Compressed streams are read to their end and their checksums proved; one that grows beyond what
    its header promises is refused as soon as it does.
    """
    return _VERIFIERS[_kind(path)](path, limits)


def _kind(path: Path) -> str:
    if path.is_dir() and is_ome_zarr(path):
        return "ome-zarr"
    start = _start(path)
    if start.startswith(_ZIP) and is_ome_zarr(path):
        return "ome-zarr"
    if is_pack(start) or is_dicom(start):
        return "dicom"  # first: the preamble may be another format's header (PS3.10, 7.1)
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    gzipped = start.startswith(GZIP)
    if gzipped:
        start = start_of(path, gzipped=True)
    foreign = _foreign(start)
    if foreign is None and byte_order(start):
        return "nifti.gz" if gzipped else "nifti"
    raise foreign or UnreadableScan(
        "The file's content is of no kind that is known here.",
        expected=SERVED,
        hint="Check that this is the scan itself, and not a text, a link or half of a pair.",
    )


def _start(path: Path) -> bytes:
    try:
        start = start_of(path, gzipped=False)
    except OSError as error:
        raise UnreadableScan(
            "The file cannot be read.",
            expected=SERVED,
            hint="Check that it exists, that it is a file, and that it may be read.",
        ) from error
    if not start:
        raise UnreadableScan(
            "The file is empty.", expected=SERVED, hint="Export or copy the scan again."
        )
    return start


def _foreign(start: bytes) -> UnsupportedScan | None:
    for offset, signature, name, hint in _FOREIGN:
        if start[offset : offset + len(signature)] == signature:
            return UnsupportedScan(f"This is {name}.", expected=SERVED, hint=hint)
    return None
