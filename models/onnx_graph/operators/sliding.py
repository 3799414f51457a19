"""Convolutions and poolings: what slides over the image.

Output position p reads the positions `p * stride - pad + tap * dilation` of its source.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.onnx_graph.node import Grid, Node, NotDerivable
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    first,
    layer_output,
    reading,
    required,
)
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import Tensor
from models.onnx_graph.windows import Windows

MOST_TAPS = 1024
"""Wider kernels are not followed: a damaged file must not keep the processor busy."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What slides along one axis."""

    taps: int
    stride: int
    dilation: int
    before: int
    after: int
    auto: str
    """NOTSET: the stated padding, VALID: none, SAME_UPPER and SAME_LOWER: as much as is needed."""
    ceil: bool

    @property
    def extent(self) -> int:
        """Voxels from the first tap to the last."""
        return (self.taps - 1) * self.dilation + 1

    def padding(self, size: Size) -> tuple[int, int]:
        """Voxels added before and after a source of this size."""
        if self.auto == "VALID":
            return 0, 0
        if self.auto not in ("SAME_UPPER", "SAME_LOWER"):
            return self.before, self.after
        outputs = (size / number(self.stride)).ceil()
        missing = (outputs - number(1)) * number(self.stride) + number(self.extent) - size
        total = max(0, int(missing))
        less, more = total // 2, total - total // 2
        return (less, more) if self.auto == "SAME_UPPER" else (more, less)


def kernels(node: Node, taps: Sequence[int]) -> list[Kernel]:
    """One for each spatial axis of the layer."""
    axes = len(taps)
    if max(taps, default=0) > MOST_TAPS:
        raise NotDerivable(f"{node.title} has a kernel of more than {MOST_TAPS} voxels")
    strides, dilations = node.get("strides", [1] * axes), node.get("dilations", [1] * axes)
    pads, auto = node.get("pads", [0] * 2 * axes), node.get("auto_pad", "NOTSET")
    if (len(strides), len(dilations), len(pads)) != (axes, axes, 2 * axes):
        raise ValueError(f"{node.title} has attributes for another number of axes")
    ceil = bool(node.get("ceil_mode", 0))
    return [
        Kernel(taps[a], strides[a], dilations[a], pads[a], pads[a + axes], auto, ceil)
        for a in range(axes)
    ]


def slide(node: Node, source: Tensor, taps: Sequence[int], channels: Size, grid: Grid) -> Tensor:
    """The output of kernels of these widths over (n, c, *spatial)."""
    batch, _, *spatial = source.known_shape
    if len(spatial) != len(taps):
        raise NotDerivable(f"{node.title} has a kernel of {len(taps)} axes")
    sizes: list[Size] = [batch, channels]
    reads: dict[int, Windows] = {}
    for size, kernel in zip(spatial, kernels(node, taps), strict=True):
        before, after = kernel.padding(size)
        inside = size + number(before + after - kernel.extent)
        grid.require(inside, 0, node)
        steps = inside / number(kernel.stride)
        out = (steps.ceil() if kernel.ceil else steps.floor()) + number(1)
        if kernel.ceil and _begins_outside(out, kernel, size, before):
            out = out - number(1)

        def positions(p: int, kernel: Kernel = kernel, before: int = before) -> range:
            start = p * kernel.stride - before
            return range(start, start + kernel.extent, kernel.dilation)

        sizes.append(out)
        reads |= reading(source, size, out, grid, positions)
    return layer_output(source, sizes, reads)


def _begins_outside(out: Size, kernel: Kernel, size: Size, before: int) -> bool:
    """Whether the last position begins behind the source and its padding before: it is left out."""
    beyond = (out - number(1)) * number(kernel.stride) - size - number(before)
    return beyond.fixed and beyond.base >= 0


def _widths(node: Node, weights: Tensor) -> tuple[int, ...]:
    stated = node.get("kernel_shape", None)
    if stated is not None:
        return tuple(stated)
    return tuple(int(size) for size in weights.known_shape[2:])


def _convolution(weights: int) -> "_Convolution":
    return _Convolution(weights)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """Rule of a convolution whose weights are the input at this position."""

    weights: int

    def __call__(self, node: Node, inputs: Inputs, grid: Grid) -> Tensor:
        source, weights = first(inputs), required(inputs, self.weights)
        if weights.feature:
            raise NotDerivable(f"{node.title} has weights that are computed from the image")
        return slide(node, source, _widths(node, weights), weights.known_shape[0], grid)


def _pool(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    if len(node.proto.output) > 1 and node.proto.output[1]:
        raise NotDerivable(f"{node.title} has an output of positions")
    taps = node.get("kernel_shape", None)
    if taps is None:
        raise UnknownSize
    return slide(node, source, taps, source.known_shape[1], grid)


def _transposed(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    """Output p reads the positions (p + pad - tap * dilation) / stride that are whole numbers."""
    source, weights = first(inputs), required(inputs, 1)
    if weights.feature or node.get("output_shape", None) is not None:
        raise NotDerivable(f"{node.title} has a fixed output shape or computed weights")
    batch, _, *spatial = source.known_shape
    channels = weights.known_shape[1] * number(node.get("group", 1))
    sizes: list[Size] = [batch, channels]
    reads: dict[int, Windows] = {}
    more = node.get("output_padding", [0] * len(spatial))
    for size, kernel, extra in zip(
        spatial, kernels(node, _widths(node, weights)), more, strict=True
    ):
        before, after = _transposed_padding(kernel, extra)
        grid.require(size, 1, node)
        grown = (size - number(1)) * number(kernel.stride)
        out = grown + number(kernel.extent + extra - before - after)
        grid.require(out, 1, node)

        def positions(p: int, kernel: Kernel = kernel, before: int = before) -> list[int]:
            reached = [p + before - tap * kernel.dilation for tap in range(kernel.taps)]
            return [place // kernel.stride for place in reached if place % kernel.stride == 0]

        sizes.append(out)
        reads |= reading(source, size, out, grid, positions)
    return layer_output(source, sizes, reads)


def _transposed_padding(kernel: Kernel, extra: int) -> tuple[int, int]:
    """Voxels removed before and after."""
    if kernel.auto not in ("SAME_UPPER", "SAME_LOWER"):
        return (0, 0) if kernel.auto == "VALID" else (kernel.before, kernel.after)
    total = max(0, kernel.extent + extra - kernel.stride)
    less, more = total // 2, total - total // 2
    return (less, more) if kernel.auto == "SAME_UPPER" else (more, less)


RULES: Rules = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "QLinearConv": _convolution(3),
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LpPool": _pool,
    "ConvTranspose": _transposed,
}
