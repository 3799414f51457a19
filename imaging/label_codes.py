"""Codes and colours of labels that state none."""

import colorsys
import re
from hashlib import sha256

from imaging.mask_description import Code

VALUE_CHARACTERS = 16
MEANING_CHARACTERS = 64
PRIVATE = "99TESSERA"
"""Coding scheme of labels without a code; schemes that begin with 99 are private (PS3.3 8.2)."""
_COLORS = (
    *("#df2020", "#06b0f9", "#f9b006", "#06f906", "#7f06f9", "#ee8bdb", "#56fbda", "#7e8afc"),
    *("#f96706", "#e2fc7e", "#f90680", "#fc8a7e", "#1dc962", "#fa2efa", "#064ff9", "#06e0f9"),
)
"""Of the labels 1 to 16. Half transparent over any grey, they differ from all greys by 18 and from
each other by 11 at least (CIEDE2000). Each is the colour that differs most from those before it."""
_GOLDEN_ANGLE = 137.508
"""Degrees: of later labels, the hues of consecutive ones differ strongly."""

STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
"""Category of a label that states none."""


def private_code(name: str) -> Code:
    """A private code for a label of that name; the same name always gives the same code."""
    meaning = re.sub(r"[\x00-\x1f\x7f\\]+", " ", name).strip() or "label"
    slug = re.sub(r"[^a-z0-9]+", "-", meaning.lower()).strip("-")
    if slug != name or len(slug) > VALUE_CHARACTERS:
        mark = sha256(name.encode()).hexdigest()[:6]
        slug = f"{slug[: VALUE_CHARACTERS - 7]}-{mark}".lstrip("-")
    return Code(slug, PRIVATE, meaning[:MEANING_CHARACTERS])


def default_color(number: int) -> str:
    """#rrggbb for a label number, the same for the same number."""
    if 0 < number <= len(_COLORS):
        return _COLORS[number - 1]
    hue = (40 + (number - 1) * _GOLDEN_ANGLE) % 360 / 360
    parts = colorsys.hls_to_rgb(hue, (0.58, 0.68, 0.5)[number % 3], 0.85)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
