"""Names of units of length, as the formats spell them, and their lengths in mm."""

_PREFIXES = {
    "yotta": ("Y", 24), "zetta": ("Z", 21), "exa": ("E", 18), "peta": ("P", 15),
    "tera": ("T", 12), "giga": ("G", 9), "mega": ("M", 6), "kilo": ("k", 3), "hecto": ("h", 2),
    "deca": ("da", 1), "": ("", 0), "deci": ("d", -1), "centi": ("c", -2), "milli": ("m", -3),
    "micro": ("\u00b5", -6), "nano": ("n", -9), "pico": ("p", -12), "femto": ("f", -15),
    "atto": ("a", -18), "zepto": ("z", -21), "yocto": ("y", -24),
}  # fmt: skip
_SYMBOLS = {
    **{f"{symbol}m": float(f"1e{power + 3}") for symbol, power in _PREFIXES.values()},
    "\u00c5": 1e-7,
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
"""UnitsLength of OME-XML 2016-06, whose symbols depend on the case. `pixel` and `reference frame`
are not lengths."""
_WORDS = {
    **{f"{prefix}meter": float(f"1e{power + 3}") for prefix, (_, power) in _PREFIXES.items()},
    "micron": 1e-3,
    "um": 1e-3,
    "angstrom": 1e-7,
    "inch": 25.4,
    "inches": 25.4,
    "foot": 304.8,
    "feet": 304.8,
    "yard": 914.4,
    "mile": 1_609_344.0,
    "parsec": 3.0856775814913673e19,
}
"""UDUNITS-2's names, which NGFF and ImageJ use; plurals and the spelling `metre` are accepted."""
_SAME = str.maketrans({"\u03bc": "\u00b5", "\u212b": "\u00c5"})
"""Greek mu and the angstrom sign look like the micro sign and the letter, and are used for them."""


def length_mm(unit: str) -> float | None:
    """The length of a unit in mm; None where it is not known, or not a unit of length."""
    name = unit.strip().strip("\0").replace("\\u00B5", "\u00b5").replace("\\u00b5", "\u00b5")
    name = name.translate(_SAME)
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    word = name.lower().replace("metre", "meter")
    return _WORDS.get(word) or _WORDS.get(word.removesuffix("s"))
