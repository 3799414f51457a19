"""Names of units of length in TIFF files, and their lengths in mm."""

_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "": 0,
    "d": -1, "c": -2, "m": -3, "\u00b5": -6, "\u03bc": -6, "u": -6, "n": -9, "p": -12, "f": -15,
    "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_SYMBOLS = {
    **{f"{prefix}m": float(f"1e{power + 3}") for prefix, power in _PREFIXES.items()},
    "\u00c5": 1e-7,
    "\u212b": 1e-7,
    "thou": 0.0254,
    "li": 25.4 / 12,
    "in": 25.4,
    "ft": 304.8,
    "yd": 914.4,
    "mi": 1_609_344.0,
    "pt": 25.4 / 72,
    "ua": 1.495978707e14,
    "ly": 9.4607304725808e18,
    "pc": 3.0856775814913673e19,
}
"""UnitsLength of OME-XML 2016-06, whose symbols depend on the case; `pixel` and `reference frame`
are no lengths."""
_WORDS = {
    "nanometer": 1e-6, "micron": 1e-3, "micrometer": 1e-3, "millimeter": 1.0, "centimeter": 10.0,
    "meter": 1000.0, "inch": 25.4, "inches": 25.4, "angstrom": 1e-7, "um": 1e-3,
}  # fmt: skip
"""Words that ImageJ's users type; plurals and the spelling `metre` are accepted, too."""


def length_mm(unit: str) -> float | None:
    """The length of a unit in mm; None where it is not known, or none of length."""
    name = unit.strip().strip("\0").replace("\\u00B5", "\u00b5").replace("\\u00b5", "\u00b5")
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    word = name.lower().replace("metre", "meter")
    return _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
