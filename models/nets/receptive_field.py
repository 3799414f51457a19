"""What a U-Net reads, and its legal sizes, from its layers alone. Torch-free.

Interval arithmetic: which positions of its source does a layer's output at position p see?

    convolution, k wide, d apart   [p - pad, p - pad + (k - 1) d]
    2x max-pool                    [2 p, 2 p + 1]
    2x transposed convolution      [p // 2, p // 2]
    2x linear interpolation        [(p - 1) // 2, (p + 1) // 2]
    crop by c                      [p + c, p + c]

Every bound is reached, since each layer's weights reach both ends of its window. What an output
voxel sees depends on its position modulo the total stride, so all phases are taken. Means over the
whole tile (squeeze-and-excitation, pyramid pooling) are left out: no halo holds them.
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
    """What tiling and the card need to know; every spatial axis alike."""

    padding: Padding
    halo: int
    """Context on each side. `valid`: the crop, (in - out) / 2; a tile of legal size holds all that
    its outputs read. `same`: the reach, which tiling rounds up to `align`."""
    reach: int
    """The most that one output voxel reads to one side of itself, over all phases."""
    align: int
    """Total stride: two tiles agree where their reads start a multiple of it apart."""
    minimum: int
    """Smallest legal input; the legal ones are minimum + n * align."""

    def is_legal(self, size: int) -> bool:
        """Whether no pool meets an odd size and an output voxel is left."""
        return size >= self.minimum and (size - self.minimum) % self.align == 0

    def legal(self, at_least: int) -> int:
        """The smallest legal input size of at least `at_least` voxels."""
        steps = max(0, -(-(at_least - self.minimum) // self.align))
        return self.minimum + steps * self.align

    def output(self, size: int) -> int:
        """Output size for an input of `size`; raises BadModel where that size is illegal."""
        if not self.is_legal(size):
            raise BadModel(
                f"The network does not take an input of {size} voxels on an axis.",
                expected=f"{self.minimum} plus a multiple of {self.align}.",
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
    """Whether no layer looks at the whole tile, so that tiles can be exact."""
    return not any(layer.fixed for layer in layers(config))


def total_stride(program: Program) -> int:
    """Input voxels that one voxel of the deepest layer spans."""
    return int(2 ** max(layer.depth for layer in program))


def sizes(program: Program, size: int) -> tuple[int, ...]:
    """Output size of each layer; none where a pool meets an odd size or nothing is left."""
    found = [size]
    for layer in program[1:]:
        source = found[layer.sources[-1 if layer.kind == "spread" else 0]]
        if layer.kind == "pool" and source % 2:
            return ()
        found.append(_size(layer, source))
        if found[-1] < 1:
            return ()
    return tuple(found)


def seen(program: Program) -> list[list[Window]]:
    """The input positions that each layer's output sees, for each phase, borders far away.

    A layer of a fixed size sees the whole tile, and its list is empty.
    """
    stride = total_stride(program)
    found = [[(phase, phase) for phase in range(stride)]]
    for layer in program[1:]:
        sources = [found[source] for source in layer.sources if found[source]]
        local = layer.kind not in ("average", "spread") and sources
        phases = range(stride >> layer.depth) if local else ()
        found.append([_through(sources, window(layer, phase), stride) for phase in phases])
    return found


def window(layer: Layer, position: int) -> Window:
    """First and last position of a layer's sources that its output at `position` sees."""
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
    """What the sources' outputs between `ends` see; each source's list is one period of it."""
    lows = [_at(source, ends[0], stride)[0] for source in sources]
    highs = [_at(source, ends[1], stride)[1] for source in sources]
    return min(lows), max(highs)


def _at(source: list[Window], position: int, stride: int) -> Window:
    periods, phase = divmod(position, len(source))
    first, last = source[phase]
    return first + periods * stride, last + periods * stride
