"""One step of a network, in plain numbers: all else about the network follows. Torch-free."""

from dataclasses import dataclass
from typing import Literal

from models.nets.config import Activation

Kind = Literal[
    "input", "convolution", "norm", "activation", "dropout",
    "pool", "maximum", "up", "interpolate",
    "crop", "join", "add", "multiply", "shuffle",
    "average", "spread",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """One step; the same along every spatial axis.

    `pool` is a 2x max-pool, `maximum` one of stride 1, `up` a 2x transposed convolution,
    `interpolate` a linear one by 2. `average` takes the means over `bins` parts of the whole tile,
    `spread` brings its first source linearly to the size of its second.
    """

    name: str
    """Dotted; a network's weights are called `name.weight`, `name.bias` and so on."""
    kind: Kind
    sources: tuple[int, ...]
    """Which earlier layers it reads, by position."""
    channels: int
    depth: int = 0
    """One voxel of its output spans 2**depth input voxels."""
    start: int = 0
    """The input position at which the span of its output's voxel 0 begins."""
    fixed: bool = False
    """Whether its size does not follow the tile's: it comes from the means of the whole tile."""
    kernel: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = True
    pad: int = 0
    crop: int = 0
    """What is taken from each side."""
    bins: int = 0
    function: Activation | Literal["sigmoid"] = "relu"
    rate: float = 0.0


Program = tuple[Layer, ...]
"""A network in the order that it runs: the first layer is its input, the last its logits."""


def last_readers(program: Program) -> dict[int, int]:
    """For each layer that is read, the position of the layer that reads it last."""
    return {source: index for index, layer in enumerate(program) for source in layer.sources}


def in_place(program: Program) -> frozenset[int]:
    """The layers that may overwrite what they read: no other layer wants it."""
    readers = [source for layer in program for source in layer.sources]
    return frozenset(
        index
        for index, layer in enumerate(program)
        if layer.kind in ("norm", "activation", "dropout")
        and readers.count(layer.sources[0]) == 1
        and program[layer.sources[0]].kind in ("convolution", "norm", "add")
    )
