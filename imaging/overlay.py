"""Preview images: the mask's outline and a tint of its colour over the scan.

A volume is shown as three planes through the mask's centroid, in true proportions, with the
patient's right on the right. Letters at the edges give the directions (right, left, anterior,
posterior, superior, inferior).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from imaging.box import Box, blocks
from imaging.formats.atomic import replacing
from imaging.orientation import canonical
from imaging.scan import Scan

_IMAGE_EDGE = 1024
_NEAR = 4
"""Up to this reduction factor the borders between single objects are drawn."""
_PLANE_EDGE = 384
_GAP = 6
_TINT = 0.35
_FALLBACK = "#ff4040"
_WINDOW = (1, 99)
_BAND_PIXELS = 1 << 22
_PLANES = (
    # fixed axis, horizontal axis, vertical axis; letters at left, right, top, bottom
    (2, 0, 1, "LRAP"),
    (1, 0, 2, "LRSI"),
    (0, 1, 2, "PASI"),
)

Pixels = NDArray[np.uint8]


def preview(scan: Scan, mask: NDArray[Any], colors: Mapping[int, str], path: Path) -> None:
    """Writes a PNG of `mask`, on the stored axes of `scan`, over the scan.

    `colors` gives `#rrggbb` by label value; other values (the objects of an instance mask) get the
    colour of the lowest value in it. With an empty mask the middle of the scan is shown.
    """
    image = _image(scan, mask, colors) if scan.dimension == 2 else _planes(scan, mask, colors)
    with replacing(path) as file:
        image.save(file, format="PNG", compress_level=1)  # fast: the job waits for it


def _image(scan: Scan, mask: NDArray[Any], colors: Mapping[int, str]) -> Image.Image:
    factor = -(-max(scan.grid) // _IMAGE_EDGE)
    down, across = (min(factor, n) for n in scan.grid)
    pixels = _windowed(_reduced(scan, down, across))
    shown = mask
    for axis, step in enumerate((down, across)):  # the maximum, so that small objects stay visible
        shown = np.maximum.reduceat(shown, np.arange(0, mask.shape[axis], step), axis=axis)
    if factor > _NEAR and colors:  # borders between objects would cover everything
        shown = np.minimum(shown, max(colors))
    return Image.fromarray(_overlaid(pixels, shown, colors))


def _reduced(scan: Scan, down: int, across: int) -> NDArray[Any]:
    """(row, column, c): means over blocks of down x across pixels, read in bands."""
    rows, columns = scan.grid
    if (down, across) == (1, 1):
        return np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
    bands, step = [], down * max(1, _BAND_PIXELS // (columns * down))
    for row in range(0, rows, step):
        block = scan.read(Box((row, 0), (min(row + step, rows), columns)))
        bands.append(_means(block, down, across).astype(scan.dtype))
    return np.moveaxis(np.concatenate(bands, axis=1), 0, -1)


def _means(block: NDArray[Any], down: int, across: int) -> NDArray[np.float64]:
    """(c, row, column): means over blocks of pixels; the last blocks may be smaller."""
    means: NDArray[Any] = block
    for axis, step in ((1, down), (2, across)):
        starts = np.arange(0, block.shape[axis], step)
        sums = np.add.reduceat(means, starts, axis=axis, dtype=np.float64)
        counts = np.diff(starts, append=block.shape[axis])
        means = sums / (counts[:, np.newaxis] if axis == 1 else counts)
    return means


def _planes(scan: Scan, mask: NDArray[Any], colors: Mapping[int, str]) -> Image.Image:
    view = canonical(scan)
    turned = view.turn(mask)
    centre = _centre(turned)
    cuts = [_cut(view.scan, turned, centre, held) for held, _, _, _ in _PLANES]
    low, high = _window(np.concatenate([values.ravel() for values, _ in cuts]))
    spacing = view.scan.spacing_mm or (1.0, 1.0, 1.0)
    extents = [n * mm for n, mm in zip(view.scan.grid, spacing, strict=True)]
    sizes = [max(1, round(extent * _PLANE_EDGE / max(extents))) for extent in extents]
    panels = []
    for (values, labels), (_, across, up, letters) in zip(cuts, _PLANES, strict=True):
        size = (sizes[across], sizes[up])
        grey = _resized(_grey(values.T[::-1], low, high), size, Image.Resampling.BILINEAR)
        shown = _resized(labels.T[::-1], size, Image.Resampling.NEAREST)
        panel = Image.fromarray(_overlaid(np.repeat(grey[..., np.newaxis], 3, 2), shown, colors))
        _write_letters(panel, letters)
        panels.append(panel)
    return _side_by_side(panels)


def _centre(mask: NDArray[Any]) -> tuple[int, ...]:
    """The voxel nearest to the mask's centroid; the middle voxel if the mask is empty."""
    weights = [np.zeros(n, np.int64) for n in mask.shape]
    for box in blocks(mask.shape, _BAND_PIXELS):
        inside = mask[box.slices] != 0
        for axis, here in enumerate(weights):
            others = tuple(a for a in range(mask.ndim) if a != axis)
            here[box.slices[axis]] += np.count_nonzero(inside, axis=others)
    total = int(weights[0].sum())
    return tuple(
        round(float((here * np.arange(here.size)).sum()) / total) if total else here.size // 2
        for here in weights
    )


def _cut(
    scan: Scan, mask: NDArray[Any], centre: tuple[int, ...], held: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The plane of scan and mask through `centre`, perpendicular to axis `held`: (across, up)."""
    start, stop = [0, 0, 0], list(scan.grid)
    start[held], stop[held] = centre[held], centre[held] + 1
    box = Box(tuple(start), tuple(stop))
    return scan.read(box)[0].squeeze(held), mask[box.slices].squeeze(held)


def _window(values: NDArray[Any]) -> tuple[float, float]:
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, _WINDOW))
    return (low, high) if high > low else (low, low + 1.0)


def _grey(values: NDArray[Any], low: float, high: float) -> Pixels:
    finite = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    scaled = np.clip((finite - low) / (high - low), 0, 1) * 255
    return np.asarray(np.rint(scaled), np.uint8)


def _windowed(pixels: NDArray[Any]) -> Pixels:
    """(row, column, 3) in 8 bits; 8-bit colour is unchanged."""
    if pixels.shape[-1] == 3 and pixels.dtype == np.uint8:
        return pixels
    grey = _grey(pixels, *_window(pixels))
    return grey if grey.shape[-1] == 3 else np.repeat(grey, 3, axis=-1)


def _resized(plane: NDArray[Any], size: tuple[int, int], kernel: Image.Resampling) -> NDArray[Any]:
    """The plane scaled to `size`, (width, height), which may change its proportions."""
    if (
        kernel is Image.Resampling.NEAREST
    ):  # by index: Pillow cannot resize labels of every integer type
        rows, columns = (
            ((np.arange(n) + 0.5) * m / n).astype(np.intp)
            for n, m in zip(size[::-1], plane.shape, strict=True)
        )
        return plane[np.ix_(rows, columns)]
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, kernel))


def _overlaid(pixels: Pixels, mask: NDArray[Any], colors: Mapping[int, str]) -> Pixels:
    out = pixels.astype(np.float64)
    strength = np.where(_outline(mask), 1.0, _TINT)[..., np.newaxis]
    fallback = colors[min(colors)] if colors else _FALLBACK
    known = np.isin(mask, list(colors))
    paint = np.zeros_like(out)
    paint[(mask != 0) & ~known] = ImageColor.getrgb(fallback)[:3]
    for value, color in colors.items():
        paint[mask == value] = ImageColor.getrgb(color)[:3]
    blended = np.where((mask != 0)[..., np.newaxis], out + strength * (paint - out), out)
    return np.asarray(np.rint(blended), np.uint8)


def _outline(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Labelled pixels that share an edge with a pixel of another label."""
    edge: NDArray[np.bool_] = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        ahead = np.diff(mask.astype(np.int64), axis=axis) != 0
        first = (slice(None),) * axis
        edge[(*first, slice(None, -1))] |= ahead
        edge[(*first, slice(1, None))] |= ahead
    edge &= mask != 0
    return edge


def _write_letters(panel: Image.Image, letters: str) -> None:
    width, height = panel.size
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(size=16)
    middle, centre = height // 2, width // 2
    places = ((10, middle), (width - 10, middle), (centre, 10), (centre, height - 10))
    for letter, place in zip(letters, places, strict=True):
        draw.text(place, letter, "white", font, anchor="mm", stroke_width=2, stroke_fill="black")


def _side_by_side(panels: list[Image.Image]) -> Image.Image:
    width = sum(panel.width for panel in panels) + _GAP * (len(panels) - 1)
    sheet = Image.new("RGB", (width, max(panel.height for panel in panels)))
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, (sheet.height - panel.height) // 2))
        left += panel.width + _GAP
    return sheet
