"""Known file formats that are not supported, so that the error says what to do instead."""

from dataclasses import dataclass

from imaging.formats.archive import ZIP_SIGNATURE


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """A format that is recognised and refused."""

    signature: bytes
    noun: str
    """As in "This is a PDF document."."""
    hint: str

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with `head` is of this format."""
        return head.startswith(self.signature)


FOREIGN_FORMATS = (
    ForeignFormat(b"\x89HDF", "an HDF5 file", "Save the volume in it as .nii.gz."),
    ForeignFormat(ZIP_SIGNATURE, "a zip archive", "Unpack it and send the scans in it."),
    ForeignFormat(b"GIF8", "a GIF image", "Save it as PNG."),
    ForeignFormat(b"%PDF", "a PDF document", "Send the scan itself."),
)
