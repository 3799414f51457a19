"""Which pages of a TIFF are the image, and which are left out.

A whole-slide image is a pyramid: the image in full resolution and smaller copies of it, as pages
of their own or as SubIFDs. Its file often holds a thumbnail, a photograph of the slide (macro), and
one of the slide's label, which may show the patient's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import tifffile

from imaging.errors import UnreadableScan
from imaging.formats.raster import damaged, unsupported
from imaging.formats.tiff.left_out import OTHER, left_out_warnings, reason_to_leave_out
from imaging.formats.tiff.ome_xml import OmeXml
from imaging.formats.tiff.ventana import check_tiles

_SLIDES = ("svs", "ndpi", "philips", "bif", "scn", "avs", "qpi", "indica")
"""tifffile's names of the formats that hold one slide with its label and photographs."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageSeries:
    """The pages of one image or stack, in full resolution, in row-major order of `axes`."""

    keyframe: tifffile.TiffPage
    """The page whose tags describe all pages."""
    pages: tuple[tifffile.TiffPage | tifffile.TiffFrame, ...]
    """All pages; empty where `offsets` locates them."""
    offsets: tuple[int, ...]
    """Bytes before the first sample of each page, where uncompressed pages follow each other
    without a gap; else empty."""
    axes: str
    """Letters of the axes that the pages span, as tifffile has them: Z, C, T, and others."""
    shape: tuple[int, ...]
    """Length of each of these axes, all above 1."""
    slide: bool
    """Whether the file is of a format for slides, whose Z axis is a choice of focal planes."""
    kind: str
    """tifffile's name of the metadata by which its pages are known, such as `ome`."""
    index: int = 0
    """Its position among all series of the file."""
    unrelated: bool = False
    """Whether nothing but their equal size relates the pages: each one's own tags describe it."""
    partial: bool = False
    """Whether its OME-XML describes more planes, which are in other files."""
    name: str = ""
    """Which of several images of a file it is, such as `image 2 of 3`; else empty."""
    warnings: tuple[str, ...] = ()
    """About other images of the file, which are not read."""

    @property
    def is_page_of_its_own(self) -> bool:
        """Whether it is one page of a file, to which nothing relates the others; not a SubIFD."""
        return self.unrelated and not self.axes and len(self.pages[0].treeindex) == 1

    def part(self, numbers: Sequence[int], axes: str) -> "ImageSeries":
        """The pages of these numbers, which span `axes`, at most one."""
        own = self.unrelated and not axes
        return replace(
            self,
            keyframe=self.pages[numbers[0]].aspage() if own else self.keyframe,
            pages=tuple(self.pages[n] for n in numbers) if self.pages else (),
            offsets=tuple(self.offsets[n] for n in numbers) if self.offsets else (),
            axes=axes,
            shape=(len(numbers),) if axes else (),
        )


def image_series(file: tifffile.TiffFile, ome: OmeXml) -> list[ImageSeries]:
    """The images and stacks of a file in full resolution; raises UnreadableScan without any."""
    slide = any(getattr(file, f"is_{kind}") for kind in _SLIDES)
    images, warnings = _images(file, slide=slide)
    if file.series[images[0]].kind == "bif":
        check_tiles(file)
    _check_imagej(file, file.series[images[0]])
    return [
        replace(
            _image_series(file.series[index], ome, slide),
            index=index,
            name=f"image {n} of {len(images)}" if len(images) > 1 else "",
            warnings=warnings,
        )
        for n, index in enumerate(images, 1)
    ]


def _image_series(series: tifffile.TiffPageSeries, ome: OmeXml, slide: bool) -> ImageSeries:
    keyframe = series.keyframe
    count = series.size // max(1, prod(keyframe.shape))
    outer = _outer_axes(series, count)
    pages, offsets = _pages(series, count)
    return ImageSeries(
        keyframe=keyframe,
        pages=pages,
        offsets=offsets,
        axes="".join(axis for axis, _ in outer),
        shape=tuple(n for _, n in outer),
        slide=slide,
        kind=series.kind,
        unrelated=series.kind == "generic",
        partial=_is_partial(series, ome),
    )


def _is_partial(series: tifffile.TiffPageSeries, ome: OmeXml) -> bool:
    """Whether a page is one of several files of an OME-TIFF; tifffile then ignores its OME-XML."""
    file = series.parent
    if file is None or series.kind == "ome" or not file.is_ome:
        return False
    return ome.planes > len(file.pages) * series.keyframe.samplesperpixel


def _outer_axes(series: tifffile.TiffPageSeries, count: int) -> list[tuple[str, int]]:
    """The leading axes of a series which its `count` pages span; the others are in each page."""
    outer: list[tuple[str, int]] = []
    for axis, n in zip(series.axes, series.shape, strict=True):
        if prod(length for _, length in outer) == count:
            break
        outer.append((axis, int(n)))
    if prod(length for _, length in outer) != count:
        raise unsupported("The axes of the image do not fit the pages of the file.")
    return [(axis, n) for axis, n in outer if n > 1]


def _images(file: tifffile.TiffFile, *, slide: bool) -> tuple[list[int], tuple[str, ...]]:
    """The positions of the series that are images in full resolution, of a slide the largest one,
    and the warnings about others."""
    if not file.series:
        raise damaged("The file holds no image.")
    reasons = [reason_to_leave_out(one, slide=slide) for one in file.series]
    images = [n for n, reason in enumerate(reasons) if reason is None] or [0]
    if slide:
        images = [max(images, key=lambda n: file.series[n].keyframe.size)]
    others = set(range(len(reasons))).difference(images)
    return images, left_out_warnings(reasons[n] or OTHER for n in others)


def _check_imagej(file: tifffile.TiffFile, first: tifffile.TiffPageSeries) -> None:
    """Raises UnreadableScan where ImageJ's description states more planes than the file holds;
    tifffile then gives the first plane alone."""
    facts = (file.is_imagej and file.imagej_metadata) or {}
    stated = prod(int(facts.get(name, 1)) for name in ("channels", "slices", "frames"))
    if stated > 1 and first.kind != "imagej":
        raise damaged("The file holds fewer planes than its ImageJ description states.")


def _pages(
    series: tifffile.TiffPageSeries, count: int
) -> tuple[tuple[tifffile.TiffPage | tifffile.TiffFrame, ...], tuple[int, ...]]:
    """The pages of a series of `count` pages, or the offsets of its pages."""
    if count > 1 and series.dataoffset is not None and series.kind != "generic":
        first, size = int(series.dataoffset), series.keyframe.nbytes
        return (), tuple(first + n * size for n in range(count))
    if min(series.keyframe.imagewidth, series.keyframe.imagelength) < 1:
        raise damaged("The image states no width or no length.")
    pages = [page for page in series if page is not None]
    if len(pages) != count and series.kind == "ome":
        raise UnreadableScan(
            f"The OME-XML describes {count} planes, and the file holds {len(pages)} of them.",
            expected="One file with all planes of the image.",
            hint="If the image is spread over several OME-TIFF files, join them, for example with "
            "`bfconvert` of Bio-Formats. Otherwise export or copy the image again.",
        )
    if len(pages) != count:
        raise damaged("The file does not hold all pages of its image.")
    return tuple(pages), ()
