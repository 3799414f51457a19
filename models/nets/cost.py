"""The cost of a U-Net, derived from its layers, in the limit of large tiles. Torch-free."""

from dataclasses import dataclass

from models.nets.architecture import layers
from models.nets.config import UNetConfig
from models.nets.layer import Layer, Program, in_place, last_readers

FP32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Costs in the limit of large tiles, where crops and layers of a fixed size are negligible."""

    parameters: int
    """Number of weights."""
    multiply_adds_per_voxel: float
    """Multiply-adds of the convolutions, per output voxel."""
    bytes_per_voxel: float
    """Peak memory of activations in bytes per input voxel, in fp32. Batch norm and activations work
    in place, crops make no copy."""


def cost(config: UNetConfig) -> Cost:
    """Parameters, multiply-adds and working memory of the network that `config` describes."""
    program, axes = layers(config), config.dimension
    return Cost(
        sum(parameters(program, layer, axes) for layer in program),
        sum(multiply_adds(program, layer, axes) for layer in program),
        _peak(program, axes),
    )


def parameters(program: Program, layer: Layer, axes: int) -> int:
    """Number of trained weights of a layer: weights and biases, or batch norm's scale and shift."""
    if layer.kind == "norm":
        return 2 * layer.channels
    if layer.kind not in ("convolution", "up"):
        return 0
    reads = program[layer.sources[0]].channels // layer.groups
    return int(layer.channels * (reads * layer.kernel**axes + layer.bias))


def multiply_adds(program: Program, layer: Layer, axes: int) -> float:
    """Multiply-adds of a layer per output voxel of the network; 0 unless it is a convolution."""
    if layer.kind not in ("convolution", "up"):
        return 0.0
    reads = program[layer.sources[0]].channels // layer.groups
    # the outputs of an `up` do not overlap: each is one product per source channel
    taps = layer.kernel**axes if layer.kind == "convolution" else 1
    return layer.channels * reads * taps * _share(layer, axes)


def _share(layer: Layer, axes: int) -> float:
    """Output voxels of a layer per input voxel of the network."""
    return 0.0 if layer.fixed else float(0.5 ** (layer.depth * axes))


def _peak(program: Program, axes: int) -> float:
    """Runs through the layers; a buffer is freed after the last layer that reads it."""
    same, last = in_place(program), last_readers(program)
    owner = list(range(len(program)))
    for index, layer in enumerate(program):
        if index in same or layer.kind == "crop":
            owner[index] = owner[layer.sources[0]]
    until = {owner[index]: index for index in range(len(program))}
    for source, reader in last.items():
        until[owner[source]] = max(until[owner[source]], reader)
    alive, peak = 0.0, 0.0
    size = [layer.channels * _share(layer, axes) * FP32_BYTES for layer in program]
    for index in range(len(program)):
        alive += size[index] if owner[index] == index else 0.0
        peak = max(peak, alive)
        alive -= sum(size[place] for place, end in until.items() if end == index)
    return peak
