"""What a U-Net reads, legal sizes, and its cost, from its layers alone. Torch-free.

Interval arithmetic runs backwards through the layers: which inputs can one output voxel see?

    convolution, k wide      [a, b] -> [a - pad, b - pad + k - 1]
    2x max-pool              [a, b] -> [2 a, 2 b + 1]
    2x up-convolution        [a, b] -> [a // 2, b // 2]
    skip, cropped by c       [a, b] -> [a + c, b + c]

Every bound is reached, since each layer's weights reach all of its window. An output voxel's reach
depends on its position modulo the total stride, so all phases are taken.
"""

from dataclasses import dataclass
from itertools import count
from typing import Literal

from imaging.errors import BadModel
from models.nets.config import KERNEL, UNetConfig

FP32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of the network; the same along every spatial axis."""

    kind: Literal["input", "convolution", "pool", "up", "join"]
    sources: tuple[int, ...]
    """Which earlier layers it reads, by position."""
    channels: int
    depth: int
    """One voxel of its output spans 2**depth input voxels."""
    kernel: int = 1
    pad: int = 0
    crop: int = 0
    """What a join takes from each side of its first source."""


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What tiling and the card need to know; every spatial axis alike."""

    padding: Literal["valid", "same"]
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
                todo="Pad the input to a legal size.",
            )
        return size - 2 * self.halo if self.padding == "valid" else size


@dataclass(frozen=True, slots=True)
class Cost:
    """In the limit of large tiles, where crops no longer count."""

    parameters: int
    multiply_adds_per_voxel: float
    """Per output voxel."""
    bytes_per_voxel: float
    """Most activation bytes alive at once per input voxel, fp32, batch norm and ReLU in place."""


def layers(config: UNetConfig) -> tuple[Layer, ...]:
    """The network in the order that it runs."""
    program = [Layer("input", (), config.in_channels, 0)]
    pad = KERNEL // 2 if config.padding == "same" else 0
    skips: list[int] = []

    def convolve(widths: tuple[int, ...], kernel: int = KERNEL, pad: int = pad) -> None:
        for width in widths:
            source, depth = len(program) - 1, program[-1].depth
            program.append(Layer("convolution", (source,), width, depth, kernel, pad))

    for depth, widths in enumerate(config.encoder):
        if depth:
            skips.append(len(program) - 1)
            program.append(Layer("pool", (skips[-1],), program[-1].channels, depth))
        convolve(widths)
    for up, widths, crop in zip(config.up, config.decoder, config.crops, strict=True):
        program.append(Layer("up", (len(program) - 1,), up, program[-1].depth - 1))
        sources = (skips.pop(), len(program) - 1)
        channels = program[sources[0]].channels + up
        program.append(Layer("join", sources, channels, program[-1].depth, crop=crop))
        convolve(widths)
    convolve((config.out_channels,), kernel=1, pad=0)
    return tuple(program)


def receptive_field(config: UNetConfig) -> ReceptiveField:
    """Halo, align and legal sizes of the network that `config` describes."""
    program = layers(config)
    align: int = 2 ** max(layer.depth for layer in program)
    minimum = next(size for size in count(1) if _fits(program, size))
    shift = 0 if config.padding == "same" else (minimum - _output(program, minimum)) // 2
    reach = 0
    for phase in range(align):
        first, last = _seen(program, phase)
        reach = max(reach, phase + shift - first, last - phase - shift)
    halo = reach if config.padding == "same" else shift
    return ReceptiveField(config.padding, halo, reach, align, minimum)


def cost(config: UNetConfig) -> Cost:
    """Parameters, multiply-adds and working memory of the network that `config` describes."""
    program = layers(config)
    weights, work = 0, 0.0
    for layer in program:
        if layer.kind not in ("convolution", "up"):
            continue
        before = program[layer.sources[0]].channels
        kernel = layer.kernel if layer.kind == "convolution" else 2
        weights += before * layer.channels * kernel**config.dimension
        weights += layer.channels * (layer.kind == "convolution" or config.up_bias)
        if config.batch_norm and layer.kernel == KERNEL:
            weights += 2 * layer.channels
        reads = layer.kernel if layer.kind == "convolution" else 1
        work += before * layer.channels * reads**config.dimension * _share(layer, config)
    return Cost(weights, work, _peak(program, config))


def _sizes(program: tuple[Layer, ...], size: int) -> list[int] | None:
    """Output size of each layer; None where a pool meets an odd size or nothing is left."""
    found = [size]
    for layer in program[1:]:
        source = found[layer.sources[-1]]
        if layer.kind == "pool" and source % 2:
            return None
        change = {"pool": source // 2, "up": source * 2, "join": source}
        found.append(change.get(layer.kind, source - layer.kernel + 1 + 2 * layer.pad))
        if found[-1] < 1:
            return None
    return found


def _fits(program: tuple[Layer, ...], size: int) -> bool:
    return _sizes(program, size) is not None


def _output(program: tuple[Layer, ...], size: int) -> int:
    found = _sizes(program, size)
    return found[-1] if found else 0


def _seen(program: tuple[Layer, ...], position: int) -> tuple[int, int]:
    """First and last input position that the output at `position` sees, borders far away."""
    wanted: dict[int, tuple[int, int]] = {len(program) - 1: (position, position)}
    for index in range(len(program) - 1, 0, -1):
        layer, (first, last) = program[index], wanted[index]
        window = {
            "pool": (2 * first, 2 * last + 1),
            "up": (first // 2, last // 2),
            "join": (first, last),
        }.get(layer.kind, (first - layer.pad, last - layer.pad + layer.kernel - 1))
        for source in layer.sources:
            crop = layer.crop if source == layer.sources[0] else 0
            a, b = wanted.get(source, (window[0] + crop, window[1] + crop))
            wanted[source] = (min(a, window[0] + crop), max(b, window[1] + crop))
    return wanted[0]


def _share(layer: Layer, config: UNetConfig) -> float:
    """Voxels of a layer's output per voxel of the network's input."""
    return float(0.5 ** (layer.depth * config.dimension))


def _peak(program: tuple[Layer, ...], config: UNetConfig) -> float:
    """Walks the layers in order; an output lives until its last reader has run."""
    last = {source: index for index, layer in enumerate(program) for source in layer.sources}
    size = [layer.channels * _share(layer, config) * FP32_BYTES for layer in program]
    alive, peak = size[0], size[0]
    for index in range(1, len(program)):
        alive += size[index]
        peak = max(peak, alive)
        alive -= sum(size[source] for source in program[index].sources if last[source] == index)
    return peak
