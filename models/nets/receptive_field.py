"""Halo, align and legal sizes of a U-Net, derived from its layers. Torch-free.

Interval arithmetic: the positions of its source that a layer's output at position p reads.

    convolution, k wide, d apart   [p - pad, p - pad + (k - 1) d]
    2x max-pool                    [2 p, 2 p + 1]
    2x transposed convolution      [p // 2, p // 2]
    2x linear interpolation        [(p - 1) // 2, (p + 1) // 2]
    crop by c                      [p + c, p + c]

Every bound is reached, because each layer's weights cover both ends of its window. What an output
voxel reads depends on its position modulo the total stride, so all phases are computed. Means over
the whole tile (squeeze-and-excitation, pyramid pooling) are left out: no halo can cover them.
"""

from dataclasses import dataclass
from itertools import count

from imaging.errors import BadModel
from models.nets.architecture import layers
from models.nets.config import Padding, UNetConfig
from models.nets.layer import Layer, Program

Window = tuple[int, int]
"""First and last position."""


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What tiling and the card need; the same for every spatial axis."""

    padding: Padding
    halo: int
    """Context on each side, in voxels. `valid`: the crop, (in - out) / 2; a tile of legal size
    contains everything that its outputs read. `same`: the reach, which tiling rounds up to
    `align`."""
    reach: int
    """Largest distance from an output voxel to a voxel that it reads, over all phases."""
    align: int
    """Total stride: two tiles agree if their reads start a multiple of it apart."""
    minimum: int
    """Smallest legal input size; legal sizes are minimum + n * align."""

    def is_legal(self, size: int) -> bool:
        """Whether all pools get even sizes and at least one output voxel remains."""
        return size >= self.minimum and (size - self.minimum) % self.align == 0

    def legal(self, at_least: int) -> int:
        """The smallest legal input size of at least `at_least` voxels."""
        steps = max(0, -(-(at_least - self.minimum) // self.align))
        return self.minimum + steps * self.align

    def output(self, size: int) -> int:
        """Output size for an input of `size`; raises BadModel if that size is not legal."""
        if not self.is_legal(size):
            raise BadModel(
                f"The network does not accept an input of {size} voxels on an axis.",
                expected=f"{self.minimum} voxels plus a multiple of {self.align}.",
                hint="Pad the input to a legal size.",
            )
        return size - 2 * self.halo if self.padding == "valid" else size


def receptive_field(config: UNetConfig) -> ReceptiveField:
    """Halo, align and legal sizes of the network that `config` describes."""
    program = layers(config)
    align = total_stride(program)
    minimum = next(size for size in count(1) if sizes(program, size))
    shift, reach = program[-1].start, 0
    for phase, (first, last) in enumerate(seen(program)[-1]):
        reach = max(reach, phase + shift - first, last - phase - shift)
    halo = reach if config.padding == "same" else shift
    return ReceptiveField(config.padding, halo, reach, align, minimum)


def is_local(config: UNetConfig) -> bool:
    """Whether no layer uses the whole tile, so that tiling can be exact."""
    return not any(layer.fixed for layer in layers(config))


def total_stride(program: Program) -> int:
    """Input voxels that one voxel of the deepest layer spans."""
    return int(2 ** max(layer.depth for layer in program))


def sizes(program: Program, size: int) -> tuple[int, ...]:
    """Output size of each layer; empty if a pool gets an odd size or no voxel remains."""
    outputs = [size]
    for layer in program[1:]:
        source = outputs[layer.sources[-1 if layer.kind == "spread" else 0]]
        if layer.kind == "pool" and source % 2:
            return ()
        outputs.append(_size(layer, source))
        if outputs[-1] < 1:
            return ()
    return tuple(outputs)


def seen(program: Program) -> list[list[Window]]:
    """The input positions that each layer's output reads, for each phase, far from any border.

    A layer of a fixed size reads the whole tile, and its list is empty.
    """
    stride = total_stride(program)
    windows = [[(phase, phase) for phase in range(stride)]]
    for layer in program[1:]:
        sources = [windows[source] for source in layer.sources if windows[source]]
        local = layer.kind not in ("average", "spread") and sources
        phases = range(stride >> layer.depth) if local else ()
        windows.append([_through(sources, window(layer, phase), stride) for phase in phases])
    return windows


def window(layer: Layer, position: int) -> Window:
    """First and last position of a layer's sources that its output at `position` reads."""
    if layer.kind == "pool":
        return 2 * position, 2 * position + 1
    if layer.kind == "up":
        return position // 2, position // 2
    if layer.kind == "interpolate":
        return (position - 1) // 2, (position + 1) // 2
    first = position - layer.pad + layer.crop
    return first, first + (layer.kernel - 1) * layer.dilation


def _size(layer: Layer, source: int) -> int:
    if layer.kind == "average":
        return layer.bins
    if layer.kind == "pool":
        return source // 2
    if layer.kind in ("up", "interpolate"):
        return source * 2
    return source - (layer.kernel - 1) * layer.dilation + 2 * (layer.pad - layer.crop)


def _through(sources: list[list[Window]], ends: Window, stride: int) -> Window:
    """What the sources' outputs between `ends` read; each source's list covers one period."""
    lows = [_at(source, ends[0], stride)[0] for source in sources]
    highs = [_at(source, ends[1], stride)[1] for source in sources]
    return min(lows), max(highs)


def _at(source: list[Window], position: int, stride: int) -> Window:
    periods, phase = divmod(position, len(source))
    first, last = source[phase]
    return first + periods * stride, last + periods * stride
