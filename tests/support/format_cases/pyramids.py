"""Pyramids: the image in full resolution, with its levels, thumbnails and photographs left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from tests.support.format_cases.case import FormatCase
from tests.support.format_cases.checks import image_of
from tests.support.format_cases.readers import by_zarr
from tests.support.slides import (
    HALF,
    LABEL,
    MACRO,
    QUARTER,
    SLIDE,
    STRIPS,
    TILED,
    aperio,
    ndpi,
    philips,
    slide,
    ventana,
)


def _page(number: int) -> Callable[[Path], NDArray[Any]]:
    """Pixels of a page, as tifffile decodes them."""

    def read(path: Path) -> NDArray[Any]:
        with tifffile.TiffFile(path) as file:
            return file.pages[number].asarray()

    return read


def _pages(folder: Path) -> Path:
    reduced = TILED | {"subfiletype": 1}
    return slide(folder, (SLIDE, TILED), (HALF, reduced), (QUARTER, reduced))


def _unmarked(folder: Path) -> Path:
    return slide(folder, (SLIDE, TILED), (HALF, TILED), (QUARTER, TILED))


def _subifds(folder: Path) -> Path:
    reduced = TILED | {"subfiletype": 1}
    return slide(
        folder, (SLIDE, TILED | {"subifds": 2}), (HALF, reduced), (QUARTER, reduced), big=True
    )


def _ome(folder: Path) -> Path:
    path = folder / "slide.ome.tif"
    shared: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64)}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(SLIDE, subifds=2, metadata={"axes": "YXS"}, **shared)
        for level in (HALF, QUARTER):
            tiff.write(level, subfiletype=1, metadata=None, **shared)
    return path


def _ndpi(folder: Path) -> Path:
    ndpi(folder / "slide")
    return folder / "slide"


def _two_images(folder: Path) -> Path:
    return slide(folder, (SLIDE, STRIPS), (LABEL, STRIPS), (MACRO, STRIPS))


def _ome_zarr(folder: Path) -> Path:
    group = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=2)
    datasets: list[Any] = []
    for number, level in enumerate((SLIDE, HALF, QUARTER)):
        values = np.moveaxis(level, -1, 0)
        array = group.create_array(f"{number}", shape=values.shape, dtype=values.dtype)
        array[...] = values
        scale = [1.0, 0.5 * 2**number, 0.5 * 2**number]
        steps = [{"type": "scale", "scale": scale}]
        datasets.append({"path": f"{number}", "coordinateTransformations": steps})
    axes: list[Any] = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return folder / "a.zarr"


PYRAMIDS = [
    *(
        FormatCase(
            format="tiff", kind=kind, variant=variant, write=writer, oracle="tifffile",
            check=image_of(_page(number)),
        )
        for kind, variant, writer, number in (
            ("levels", "pages with NewSubfileType 1 (libvips)", _pages, 0),
            ("levels", "pages without a mark", _unmarked, 0),
            ("levels", "SubIFDs, BigTIFF", _subifds, 0),
            ("levels", "SubIFDs of an OME-TIFF", _ome, 0),
            ("Aperio SVS", "thumbnail, levels, label and macro image", aperio, 0),
            ("Hamamatsu NDPI", "one JPEG with restart markers", _ndpi, 0),
            ("Philips TIFF", "levels, macro and label image", philips, 0),
            ("Ventana BIF", "tiles side by side", lambda folder: ventana(folder, "0"), 1),
        )
    ),
    FormatCase(
        format="tiff", kind="Ventana BIF", variant="overlapping tiles", oracle="", check=None,
        write=lambda folder: ventana(folder, "102"),
    ),
    FormatCase(
        format="tiff", kind="images of unlike sizes", oracle="", check=None, write=_two_images
    ),
    FormatCase(
        format="ome-zarr", kind="levels", variant="`datasets` of a multiscale", write=_ome_zarr,
        oracle="zarr", check=image_of(lambda path: np.moveaxis(by_zarr(path), 0, -1)),
    ),
]  # fmt: skip
