"""Derives from a network's graph how it can be tiled: halo, align, legal sizes, padding, exactness.

Sizes are followed through the graph for images of `residue + n * align` voxels. Where a layer's
stride does not divide the growth of a size, align is made larger and the trace begins again, so
align ends as the total stride. Each axis gets a residue for which all layers fit together.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

from imaging.errors import BadModel
from models.onnx_graph.facts import GraphFacts, Tiling
from models.onnx_graph.network_file import NetworkFile
from models.onnx_graph.node import Grid, IllegalSize
from models.onnx_graph.size import NeedsAlign, Size
from models.onnx_graph.tensor import Tensor
from models.onnx_graph.trace import constants_of, trace
from models.onnx_graph.windows import NOTHING, Windows, at

LARGEST_ALIGN = 512
"""Networks of a larger total stride are refused."""
_FLOATS = frozenset((1, 10, 11, 16))
"""TensorProto's codes of float, float16, double and bfloat16."""


def derive(network: NetworkFile) -> GraphFacts:
    """Everything that can be derived.

    Raises BadModel where no image fits the network, or where its output has another resolution.
    """
    shape = network.input_shape
    dimension, channels = len(shape) - 2, shape[1]
    constants = constants_of(network)

    def run(grid: Grid) -> dict[str, Tensor]:
        return trace(network, grid, constants, channels or 1)

    tiling, output = _searched(run, network.output, dimension)
    return replace(
        without_tiling(network, output.whole),
        out_channels=_channels(output),
        tiling=tiling,
        exact=tiling is not None and not output.whole,
    )


def without_tiling(network: NetworkFile, reason: str) -> GraphFacts:
    """What the file states of a network whose tiling cannot be derived."""
    shape = network.input_shape
    return GraphFacts(
        dimension=2 if len(shape) == 4 else 3,
        in_channels=shape[1],
        out_channels=None,
        parameters=_parameters(network),
        tiling=None,
        exact=False,
        reason=reason,
    )


Trace = Callable[[Grid], dict[str, Tensor]]


@dataclass(frozen=True, slots=True)
class _Legal:
    """Images of these sizes fit the network along one axis."""

    lost: int
    """Input size minus output size."""
    minimum: int
    residue: int


def _searched(run: Trace, name: str, axes: int) -> tuple[Tiling | None, Tensor]:
    try:
        grid, output = _first_legal(run, name, axes, strict=True)
    except BadModel:
        grid, output = _first_legal(run, name, axes, strict=False)
    if output.shape is None or None in output.shape:
        return None, output
    chosen = [_best(run, name, grid, axis) for axis in range(axes)]
    grid = replace(grid, residue=tuple(one.residue for one in chosen), windows=True, least={})
    output = run(grid)[name]
    tiling = _tiling(grid, output, chosen)
    if not output.whole and _pads_inside(tiling):
        reason = (
            "Some layers pad although the output is smaller than the input, so the edge of a tile "
            "changes the mask"
        )
        output = replace(output, whole=reason)
    return tiling, output


def _first_legal(run: Trace, name: str, axes: int, *, strict: bool) -> tuple[Grid, Tensor]:
    """The smallest align, and residues for which all layers fit together; sizes only."""
    align, residue = [1] * axes, [0] * axes
    while True:
        grid = Grid(tuple(align), tuple(residue), strict, windows=False)
        try:
            return grid, _fitting(run(grid)[name], grid)
        except NeedsAlign as need:
            align[need.axis] *= need.factor
            residue = [0] * axes
            if align[need.axis] > LARGEST_ALIGN:
                raise _unusable(f"Its total stride is more than {LARGEST_ALIGN} voxels.") from None
        except IllegalSize as illegal:
            residue[illegal.axis] += 1
            if residue[illegal.axis] == align[illegal.axis]:
                raise _unusable(f"No image fits it: {illegal.reason}.") from None


def _fitting(output: Tensor, grid: Grid) -> Tensor:
    """The output; raises IllegalSize where its size does not fit that of the image."""
    if output.shape is not None and None not in output.shape:
        for axis in range(len(grid.align)):
            _lost(output, grid, axis)
    return output


def _best(run: Trace, name: str, grid: Grid, axis: int) -> _Legal:
    """The sizes for one axis: any of a `same` network; of a `valid` one those that lose least."""
    first = _legal(run, name, grid, axis)
    if first is None:
        raise _unusable("No image fits it.")
    if first.lost == 0:
        return first
    others = (
        _legal(run, name, _with_residue(grid, axis, residue), axis)
        for residue in range(grid.align[axis])
    )
    return min((one for one in others if one), key=lambda one: (one.lost, one.minimum))


def _legal(run: Trace, name: str, grid: Grid, axis: int) -> _Legal | None:
    grid = replace(grid, least={})
    try:
        output = run(grid)[name]
        lost = _lost(output, grid, axis)
    except (IllegalSize, NeedsAlign):
        return None
    residue, align = grid.residue[axis], grid.align[axis]
    n = max(grid.least.get(axis, 0), -((residue - lost - 1) // align))
    return _Legal(lost, residue + n * align, residue)


def _with_residue(grid: Grid, axis: int, residue: int) -> Grid:
    return replace(grid, residue=(*grid.residue[:axis], residue, *grid.residue[axis + 1 :]))


def _lost(output: Tensor, grid: Grid, axis: int) -> int:
    """Input size minus output size; raises IllegalSize where that is no margin on both sides."""
    size = _output_size(output, axis, len(grid.align))
    if size.slope != grid.align[axis]:
        raise _unusable(
            "Its output has another resolution than its input: "
            f"{float(size.slope / grid.align[axis]):g} voxels for each voxel of the input."
        )
    lost = grid.residue[axis] - int(size.base)
    if lost < 0:
        raise IllegalSize(axis, f"its output is larger than its input by {-lost} voxels")
    if lost % 2:
        raise IllegalSize(axis, f"its output is smaller than its input by {lost}, an odd number")
    return lost


def _output_size(output: Tensor, axis: int, axes: int) -> Size:
    shape = output.known_shape
    if len(shape) != axes + 2:
        raise _unusable(f"Its output has {len(shape)} dimensions, its input {axes + 2}.")
    size = shape[axis + 2]
    if size.axis is None:
        raise _unusable(f"Its output has the fixed size {int(size)} along axis {axis + 1}.")
    if size.axis != axis:
        raise _unusable("Its output has the axes of the image in another order.")
    return size


def _tiling(grid: Grid, output: Tensor, chosen: list[_Legal]) -> Tiling:
    reads = tuple(
        output.reads.get(axis) or (NOTHING,) * grid.align[axis] for axis in range(len(chosen))
    )
    valid = any(one.lost for one in chosen)
    halo = [
        one.lost // 2 if valid else reach(windows)
        for one, windows in zip(chosen, reads, strict=True)
    ]
    return Tiling(
        padding="valid" if valid else "same",
        halo=tuple(halo),
        align=grid.align,
        minimum=tuple(one.minimum for one in chosen),
        reads=reads,
    )


def reach(windows: Windows) -> int:
    """The farthest that an output voxel of a `same` network depends on, to either side."""
    farthest = 0
    for position, one in enumerate(windows):
        if one.low <= one.high:
            farthest = max(farthest, position - one.low, one.high - position)
    return farthest


def _pads_inside(tiling: Tiling) -> bool:
    """Whether an output voxel of a `valid` network reads beyond the edge of its tile."""
    return tiling.padding == "valid" and any(
        _beyond(windows, tiling.halo[axis], tiling.align[axis], tiling.minimum[axis])
        for axis, windows in enumerate(tiling.reads)
    )


def _beyond(windows: Windows, halo: int, align: int, size: int) -> bool:
    outputs = size - 2 * halo
    last = [at(windows, position, align) for position in range(outputs - align, outputs)]
    return min(one.low for one in windows) < 0 or max(one.high for one in last) >= size


def _channels(output: Tensor) -> int | None:
    size = output.shape[1] if output.shape and len(output.shape) > 1 else None
    return int(size) if size is not None and size.fixed else None


def _parameters(network: NetworkFile) -> int:
    """Elements of all constants of floats, without the statistics of batch norm."""
    norms = (node for node in network.nodes if node.kind == "BatchNormalization")
    statistics = {name for node in norms for name in node.proto.input[3:5]}
    return sum(
        prod(one.dims)
        for name, one in network.constants.items()
        if one.data_type in _FLOATS and name not in statistics
    )


def _unusable(detail: str) -> BadModel:
    return BadModel(
        f"The network cannot be served. {detail}",
        expected="A network whose output has the size of its input, less an equal margin on all "
        "sides, for free spatial sizes.",
        hint="Export the network with dynamic spatial axes and its logits at full resolution: see "
        "docs/how-to/own-model.md.",
    )
