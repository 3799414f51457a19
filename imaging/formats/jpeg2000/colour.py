"""What the components of a JPEG 2000 file mean: the colour specification box (ITU-T T.800, I.5.3.3;
T.801, M.11.7.3)."""

from struct import unpack_from

from imaging.formats.raster import unsupported

COLOUR_BYTES = 23
"""Of the content of the box: three numbers, and an enumerated space or the start of a profile."""
_ENUMERATED, _RESTRICTED_PROFILE, _ANY_PROFILE = 1, 2, 3
_SPACE_IN_PROFILE = 16
"""Where an ICC profile states the colour space of its input (ISO 15076-1, 7.2.6)."""
_READ = frozenset((16, 17, 21))
"""sRGB, grey, and ROMM-RGB."""
_REFUSED = {
    0: "bi-level",
    1: "YCbCr",
    3: "YCbCr",
    4: "YCbCr",
    9: "PhotoYCC",
    11: "CMY",
    12: "CMYK",
    13: "YCCK",
    14: "CIE L*a*b*",
    15: "bi-level",
    18: "YCbCr",
    19: "CIE Jab",
    20: "e-sRGB",
    22: "YPbCr",
    23: "YPbCr",
    24: "e-sYCC",
}
"""Names of enumerated colour spaces."""
_READ_PROFILES = (b"GRAY", b"RGB ")


def check_colour(box: bytes) -> None:
    """Raises UnsupportedScan unless the box states grey or RGB. Colours that a vendor defines give
    no information; struct.error where the box ends too early."""
    method = box[0] if box else 0
    if method == _ENUMERATED:
        space = unpack_from(">I", box, 3)[0]
        if space not in _READ:
            name = _REFUSED.get(space, f"of the unknown space {space}")
            raise unsupported(f"The colours of the image are {name}.")
    elif method in (_RESTRICTED_PROFILE, _ANY_PROFILE):
        space_of_profile = unpack_from("4s", box, 3 + _SPACE_IN_PROFILE)[0]
        if space_of_profile not in _READ_PROFILES:
            name = space_of_profile.decode("ascii", "replace").strip()
            raise unsupported(
                f"The colour profile of the image is for {name}, not for grey or RGB."
            )
