"""Which images of a TIFF are not read: smaller copies, masks, labels and photographs of a slide."""

import re
from collections import Counter
from collections.abc import Iterable

import tifffile

SMALLER_COPY, MASK, OTHER = "smaller copy", "mask", "other image"
_REDUCED_BIT, _MASK_BIT = 1, 4
"""Of NewSubfileType (TIFF 6.0, section 8)."""
_WORDS = "label|macro|thumbnail|overview"
_SLIDE_WORDS = f"{_WORDS}|map|probability"
_REST = r"(?:[ _]image)?(?:\s+-offset\b.*)?"
"""As in `Label_Image` (Ventana), `macro image` (Bio-Formats), `Macro -offset=(0,0)` (Philips)."""
_NAME = re.compile(rf"({_WORDS}){_REST}", re.IGNORECASE | re.DOTALL)
_SLIDE_NAME = re.compile(rf"({_SLIDE_WORDS}){_REST}", re.IGNORECASE | re.DOTALL)
"""In formats for slides; elsewhere, a map may be the image itself."""


def reason_to_leave_out(series: tifffile.TiffPageSeries, *, slide: bool) -> str | None:
    """Why a series is not read, such as `label`; None for an image in full resolution.

    Only a whole name counts: `Macrophages` and `MAP2` are images. `slide`: whether the file is of a
    format for slides.
    """
    pattern = _SLIDE_NAME if slide else _NAME
    for text in (series.name, series.keyframe.description):
        match = pattern.fullmatch(text.strip())
        if match:
            return match.group(1).lower()
    tags = series.keyframe.tags
    if "JPEGInterchangeFormat" in tags and "ImageWidth" not in tags:  # as Exif has a preview
        return "thumbnail"
    flags = int(series.keyframe.subfiletype)
    if flags & _MASK_BIT:
        return MASK
    return SMALLER_COPY if flags & _REDUCED_BIT else None


def left_out_warnings(reasons: Iterable[str]) -> tuple[str, ...]:
    """The warning that images are not read; smaller copies need none."""
    counts = Counter(reason for reason in reasons if reason != SMALLER_COPY)
    if not counts:
        return ()
    kinds = [kind if n == 1 else f"{kind} ({n})" for kind, n in sorted(counts.items())]
    return (f"The file holds other images, which are not read: {', '.join(kinds)}.",)
