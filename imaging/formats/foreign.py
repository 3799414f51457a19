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
_AS_IMAGE = "Save it as PNG or TIFF."
_UNPACK = "Unpack it and send the scans in it; a DICOM series can be sent as a zip."
_WITH_BIO_FORMATS = "Convert it to OME-TIFF, for example with `bfconvert` of Bio-Formats."

FOREIGN_FORMATS = (
    GZIPPED_DICOM,
    ForeignFormat(b"\x89HDF", "an HDF5 file", "Save the volume in it as .nii.gz."),
    ForeignFormat(ZIP_SIGNATURE, "a zip archive", "Unpack it and send the scans in it."),
    ForeignFormat(b"PK\x05\x06", "a zip archive without files", "Pack the scans again."),
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
        "a GIFTI file, the data of a surface",
        "Send the volume that the surface was computed from.",
        offset=None,
    ),
    ForeignFormat(b"\x93NUMPY", "a NumPy array", "Save it as .nii.gz, .png or .tiff."),
    ForeignFormat(b"ftypavif", "an AVIF image", "Save it as PNG.", offset=4),
    ForeignFormat(b"ftyphei", "a HEIC image", "Save it as PNG.", offset=4),
    ForeignFormat(b"GIF8", "a GIF image", "Save it as PNG."),
    ForeignFormat(b"%PDF", "a PDF document", "Send the scan itself."),
    ForeignFormat(b"\xff\x0a", "a JPEG XL image", _AS_IMAGE),
    ForeignFormat(b"\0\0\0\x0cJXL ", "a JPEG XL image", _AS_IMAGE),
    ForeignFormat(b"II\xbc\x01", "a JPEG XR image", _AS_IMAGE),
    ForeignFormat(b"ftyp", "a video, or an image in its container", _AS_IMAGE, offset=4),
    ForeignFormat(b"ZISRAWFILE", "a Zeiss CZI file", _WITH_BIO_FORMATS),
    ForeignFormat(b"\xda\xce\xbe\x0a", "a Nikon ND2 file", _WITH_BIO_FORMATS),
    ForeignFormat(b"\x70\0\0\0", "a Leica LIF file", _WITH_BIO_FORMATS),
    ForeignFormat(
        b"\xd0\xcf\x11\xe0",
        "an OIB, ZVI or other OLE file",
        "Convert the file of a microscope to OME-TIFF, for example with `bfconvert` of "
        "Bio-Formats. Save any other image as PNG or TIFF.",
    ),
    ForeignFormat(b"MAP ", "an MRC volume", _WITH_BIO_FORMATS, offset=208),
    ForeignFormat(b"MATLAB 5.0", "a MATLAB file", _AS_NIFTI),
    *(
        ForeignFormat(f"P{kind}{space}".encode(), "a PNM image (PBM, PGM or PPM)", _AS_IMAGE)
        for kind in range(1, 7)
        for space in "\n\r\t "
    ),
    ForeignFormat(b"SIMPLE  =", "a FITS file", _AS_IMAGE),
    ForeignFormat(b"8BPS", "a Photoshop document", _AS_IMAGE),
    ForeignFormat(b"%!PS", "a PostScript document", _AS_IMAGE),
    ForeignFormat(b"\xc5\xd0\xd3\xc6", "a PostScript document", _AS_IMAGE),
    ForeignFormat(b"DDS ", "a DDS texture", _AS_IMAGE),
    ForeignFormat(b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    ForeignFormat(b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    ForeignFormat(b"BZh", "a file compressed by bzip2", _UNPACK),
    ForeignFormat(b"\xfd7zXZ\0", "a file compressed by xz", _UNPACK),
)
