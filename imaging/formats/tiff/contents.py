"""Which pages of a TIFF are the image, and which are left aside.

A whole-slide image is a pyramid: the image in full resolution and smaller copies of it, as pages
of their own or as SubIFDs. Its file often holds a thumbnail, a photograph of the slide (macro), and
one of the slide's label, which may show the patient's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import tifffile

from imaging.formats.raster import damaged, unsupported
from imaging.formats.tiff.ventana import check_tiles

_SLIDES = ("svs", "ndpi", "philips", "bif", "scn", "avs", "qpi", "indica")
"""tifffile's names of the formats that hold one slide with its label and photographs."""
_ASIDE = ("label", "macro", "map", "thumbnail", "overview", "probability")
_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType (TIFF 6.0, section 8)."""
_IN_PAGE = "YXS"


@dataclass(frozen=True, slots=True, eq=False)
class ImageSeries:
    """The pages of one image or stack, in full resolution, in row-major order of `axes`."""

    keyframe: tifffile.TiffPage
    """The page whose tags describe all pages."""
    pages: tuple[tifffile.TiffPage | tifffile.TiffFrame, ...]
    """All pages; only the first one where `contiguous` is not None."""
    axes: str
    """Letters of the axes that the pages span, as tifffile has them: Z, C, T, and others."""
    shape: tuple[int, ...]
    """Length of each of these axes, all above 1."""
    contiguous: int | None = None
    """Bytes before the first sample where all pages follow each other without a gap."""
    kind: str = ""
    """tifffile's name of the format, such as `ome` or `svs`."""
    index: int = 0
    """Position in tifffile's list of series, which is the position of the image in OME-XML."""


def image_series(file: tifffile.TiffFile) -> ImageSeries:
    """The image in full resolution; raises UnsupportedScan where the file holds several images."""
    images = _images(file)
    if len(images) != 1:
        raise unsupported(f"The file holds {len(images)} images of different kinds or sizes.")
    number, series = images[0]
    if series.kind == "bif":
        check_tiles(file)
    axes = [(axis, n) for axis, n in zip(series.axes, series.shape, strict=True)]
    outer = [(axis, n) for axis, n in axes if axis not in _IN_PAGE and n > 1]
    pages, contiguous = _pages(series, prod(n for _, n in outer))
    return ImageSeries(
        keyframe=series.keyframe,
        pages=pages,
        axes="".join(axis for axis, _ in outer),
        shape=tuple(n for _, n in outer),
        contiguous=contiguous,
        kind=series.kind,
        index=number,
    )


def _images(file: tifffile.TiffFile) -> Sequence[tuple[int, tifffile.TiffPageSeries]]:
    """The series that are images in full resolution, with their positions in the file."""
    series = list(enumerate(file.series))
    if not series:
        raise damaged("The file holds no image.")
    images = [(n, one) for n, one in series if not _is_aside(one)] or series[:1]
    if any(getattr(file, f"is_{kind}") for kind in _SLIDES):
        return [max(images, key=lambda image: image[1].keyframe.size)]
    return images


def _is_aside(series: tifffile.TiffPageSeries) -> bool:
    """Whether a series is a smaller copy, a mask, a label or a photograph of the slide."""
    page = series.keyframe
    named = any(text.lower().startswith(_ASIDE) for text in (series.name, page.description))
    return named or bool(int(page.subfiletype) & (_REDUCED | _MASK))


def _pages(
    series: tifffile.TiffPageSeries, count: int
) -> tuple[tuple[tifffile.TiffPage | tifffile.TiffFrame, ...], int | None]:
    """The pages of a series of `count` pages; or its first page and the offset of all samples."""
    first = series[0]
    if count > 1 and series.dataoffset is not None and first is not None:
        return (first,), int(series.dataoffset)
    pages = [page for page in series if page is not None]
    if len(pages) != count:
        raise damaged("The file does not hold all pages of its image.")
    return tuple(pages), None
