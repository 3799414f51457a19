"""Resize and Upsample, DepthToSpace and SpaceToDepth: what changes the resolution.

The coordinate x of an output position p in the source, for a scale r = out / in:

    half_pixel   x = (p + 1/2) / r - 1/2
    asymmetric   x = p / r

`nearest` reads one position next to x; `linear` the two around it, `cubic` the four. A position
with the weight 0 is not read. Other coordinates depend on the size of the whole source, so such a
layer is local only if it keeps the size.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from math import ceil, floor

from models.onnx_graph.node import Grid, IllegalSize, Node, NotDerivable
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    axis_of,
    first,
    layer_output,
    optional,
    reading,
)
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import Tensor
from models.onnx_graph.windows import Windows

HALF = Fraction(1, 2)
VARYING = number(0)
"""Stands for a scale that differs for each size of the image."""
_COORDINATES: dict[str, Callable[[int, Fraction], Fraction]] = {
    "half_pixel": lambda p, scale: (p + HALF) / scale - HALF,
    "pytorch_half_pixel": lambda p, scale: (p + HALF) / scale - HALF,
    "half_pixel_symmetric": lambda p, scale: (p + HALF) / scale - HALF,
    "asymmetric": lambda p, scale: p / scale,
}
_NEAREST: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda x: ceil(x - HALF),
    "round_prefer_ceil": lambda x: floor(x + HALF),
    "floor": floor,
    "ceil": ceil,
}


def _linear(x: Fraction) -> list[int]:
    return sorted({floor(x), ceil(x)})


def _cubic(x: Fraction) -> list[int]:
    low = floor(x)
    return [low] if x == low else [low - 1, low, low + 1, low + 2]


def resized(
    node: Node, source: Tensor, sizes: Sequence[Size], scales: Sequence[Size], grid: Grid
) -> Tensor:
    """The source with other sizes; `scales`: out / in of each dimension, each a constant."""
    reads: dict[int, Windows] = {}
    whole = ""
    for size, out, scale in zip(source.known_shape, sizes, scales, strict=True):
        grid.require(out, 1, node)
        if out.axis is None:
            whole = whole or _fixed_axis(node, size)
        elif scale == VARYING:
            whole = whole or f"{node.title} scales differently for each size of the image"
        elif scale == number(1):
            reads |= reading(source, size, out, grid, lambda p: (p,))
        else:
            taps, problem = _taps(node, scale.base)
            whole = whole or problem
            reads |= reading(source, size, out, grid, taps)
    return layer_output(source, sizes, reads, whole)


def _fixed_axis(node: Node, size: Size) -> str:
    return "" if size.axis is None else f"{node.title} brings the image to a fixed size"


def _taps(node: Node, scale: Fraction) -> tuple[Callable[[int], list[int]], str]:
    """The positions that an output position reads, and why that holds for no tile (or empty)."""
    mode = node.get("mode", "nearest")
    way = node.get("coordinate_transformation_mode", _default_coordinates(node))
    coordinate = _COORDINATES.get(way)
    if coordinate is None:
        problem = f"{node.title} has {way} coordinates, which depend on the size of the whole tile"
        return lambda p: [floor(p / scale)], problem
    if node.get("antialias", 0) and scale < 1:
        return lambda p: [floor(p / scale)], f"{node.title} smooths before it samples (antialias)"
    if mode == "nearest":
        rule = "floor" if node.opset < 11 else node.get("nearest_mode", "round_prefer_floor")
        chosen = _NEAREST[rule]
        return lambda p: [chosen(coordinate(p, scale))], ""
    around = _cubic if mode == "cubic" else _linear
    return lambda p: around(coordinate(p, scale)), ""


def _default_coordinates(node: Node) -> str:
    return "asymmetric" if node.opset < 11 else "half_pixel"


def _resize(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotDerivable(f"{node.title} keeps an aspect ratio")
    shape = source.known_shape
    wanted, given = (
        (None, optional(inputs, 1))
        if node.opset < 11
        else (optional(inputs, 3), optional(inputs, 2))
    )
    axes = node.get("axes", None) or range(len(shape))
    places = [axis_of(axis, len(shape)) for axis in axes]
    sizes, scales = list(shape), [number(1)] * len(shape)
    if wanted is not None and wanted.known_shape[0] != number(0):
        for place, size in zip(places, wanted.sizes, strict=True):
            sizes[place] = size
            scales[place] = _scale(node, shape[place], size, grid)
    elif given is not None:
        for place, scale in zip(places, given.sizes, strict=True):
            scales[place] = scale
            sizes[place] = (shape[place] * scale).floor()
    else:
        raise UnknownSize
    return resized(node, source, sizes, scales, grid)


def _scale(node: Node, size: Size, out: Size, grid: Grid) -> Size:
    """The scale of a resize to a computed size."""
    if size.axis is None or out.axis is None:
        return number(1)
    try:
        return out / size
    except UnknownSize:
        reason = f"{node.title} scales differently for each size of the image"
        if grid.strict:
            raise IllegalSize(out.axis, reason) from None
        return VARYING


def _upsample(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    scales = (
        [number(scale) for scale in node.get("scales", [])]
        if node.opset < 9
        else list((optional(inputs, 1) or source).sizes)
    )
    sizes = [(n * scale).floor() for n, scale in zip(source.known_shape, scales, strict=True)]
    return resized(node, source, sizes, scales, grid)


def _depth_to_space(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, block = first(inputs), int(node.get("blocksize", 1))
    batch, channels, *spatial = source.known_shape
    sizes = [batch, channels / number(block ** len(spatial))]
    reads: dict[int, Windows] = {}
    for size in spatial:
        sizes.append(size * number(block))
        reads |= reading(source, size, sizes[-1], grid, lambda p: (p // block,))
    return layer_output(source, sizes, reads)


def _space_to_depth(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, block = first(inputs), int(node.get("blocksize", 1))
    batch, channels, *spatial = source.known_shape
    sizes = [batch, channels * number(block ** len(spatial))]
    reads: dict[int, Windows] = {}
    for size in spatial:
        out = (size / number(block)).floor()
        grid.require_equal(out * number(block), size, node)
        sizes.append(out)
        reads |= reading(source, size, out, grid, partial(_block, block))
    return layer_output(source, sizes, reads)


def _block(block: int, position: int) -> range:
    return range(position * block, (position + 1) * block)


RULES: Rules = {
    "Resize": _resize,
    "Upsample": _upsample,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
