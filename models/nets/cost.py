"""What a U-Net costs, from its layers alone, in the limit of large tiles. Torch-free."""

from dataclasses import dataclass

from models.nets.architecture import layers
from models.nets.config import UNetConfig
from models.nets.layer import Layer, Program, in_place, last_readers

FP32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Where crops, and layers that look at the whole tile at once, no longer count."""

    parameters: int
    multiply_adds_per_voxel: float
    """Of the convolutions, per output voxel."""
    bytes_per_voxel: float
    """Most activation bytes alive at once per input voxel, fp32; batch norm and activations in
    place, crops without a copy."""


def cost(config: UNetConfig) -> Cost:
    """Parameters, multiply-adds and working memory of the network that `config` describes."""
    program, axes = layers(config), config.dimension
    return Cost(
        sum(parameters(program, layer, axes) for layer in program),
        sum(multiply_adds(program, layer, axes) for layer in program),
        _peak(program, axes),
    )


def parameters(program: Program, layer: Layer, axes: int) -> int:
    """What one layer learns: weights and biases; batch norm's scale and shift."""
    if layer.kind == "norm":
        return 2 * layer.channels
    if layer.kind not in ("convolution", "up"):
        return 0
    reads = program[layer.sources[0]].channels // layer.groups
    return int(layer.channels * (reads * layer.kernel**axes + layer.bias))


def multiply_adds(program: Program, layer: Layer, axes: int) -> float:
    """Of one layer, per output voxel of the network. Only convolutions multiply and add."""
    if layer.kind not in ("convolution", "up"):
        return 0.0
    reads = program[layer.sources[0]].channels // layer.groups
    # Voxels that an `up` writes do not overlap: each is one product per source channel.
    taps = layer.kernel**axes if layer.kind == "convolution" else 1
    return layer.channels * reads * taps * _share(layer, axes)


def _share(layer: Layer, axes: int) -> float:
    """Voxels of a layer's output per voxel of the network's input."""
    return 0.0 if layer.fixed else float(0.5 ** (layer.depth * axes))


def _peak(program: Program, axes: int) -> float:
    """Walks the layers in order; memory is freed when the last reader of all it holds has run."""
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
