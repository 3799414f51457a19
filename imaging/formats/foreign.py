"""Known file formats that are not supported, so that the error says what to do instead."""

from dataclasses import dataclass

from imaging.formats.archive import ZIP_SIGNATURE


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """A format that is recognised and refused."""

    signature: bytes
    """The bytes that it begins with."""
    noun: str
    """As in "This is a PDF document."."""
    hint: str
    offset: int | None = 0
    """Bytes before the signature; None: it may be anywhere in the beginning of the file."""

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with `head` is of this format."""
        if self.offset is None:
            return self.signature in head
        return head.startswith(self.signature, self.offset)


GZIPPED_DICOM = ForeignFormat(
    b"DICM",
    "a DICOM file in a gzip stream",
    "Unpack it with gunzip, and send the .dcm file, or the whole series in a zip.",
    offset=128,
)
"""A DICOM file that is not in a gzip stream never reaches these formats."""
_AS_NIFTI = "Convert it to .nii.gz, for example with nibabel."
_STREAMLINES = "Send the volume that the streamlines were computed from."
FOREIGN_FORMATS = (
    GZIPPED_DICOM,
    ForeignFormat(b"\x89HDF", "an HDF5 file", "Save the volume in it as .nii.gz."),
    ForeignFormat(ZIP_SIGNATURE, "a zip archive", "Unpack it and send the scans in it."),
    ForeignFormat(b"CDF\x01", "a NetCDF or MINC-1 file", _AS_NIFTI),
    ForeignFormat(b"CDF\x02", "a NetCDF or MINC-1 file", _AS_NIFTI),
    ForeignFormat(
        b"# === DATA DESCRIPTION FILE",
        "the header of a Philips PAR/REC pair",
        "Convert the pair to .nii.gz with dcm2niix or nibabel, or export the scan as DICOM.",
    ),
    ForeignFormat(
        b"-attribute\nname",
        "the header of an AFNI data set (.HEAD and .BRIK)",
        "Convert it with AFNI's 3dAFNItoNIFTI.",
        offset=None,
    ),
    ForeignFormat(b"mrtrix image", "an MRtrix image", "Convert it with mrconvert to .nii.gz."),
    ForeignFormat(b"mrtrix tracks", "a file of MRtrix streamlines", _STREAMLINES),
    ForeignFormat(b"TRACK\0", "a file of TrackVis streamlines", _STREAMLINES),
    ForeignFormat(b"MATRIX7", "an ECAT 7 file", _AS_NIFTI),
    ForeignFormat(
        b"<GIFTI",
        "a GIFTI surface",
        "Send the volume that the surface was computed from.",
        offset=None,
    ),
    ForeignFormat(b"\x93NUMPY", "a NumPy array", "Save it as .nii.gz, .png or .tiff."),
    ForeignFormat(b"ftypavif", "an AVIF image", "Save it as PNG.", offset=4),
    ForeignFormat(b"ftyphei", "a HEIC image", "Save it as PNG.", offset=4),
    ForeignFormat(b"GIF8", "a GIF image", "Save it as PNG."),
    ForeignFormat(b"%PDF", "a PDF document", "Send the scan itself."),
)
