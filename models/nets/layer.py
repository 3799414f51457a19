"""One layer of a network as plain data, from which everything else is derived. Torch-free."""

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
    """One layer, the same along every spatial axis.

    `pool` is a 2x max-pool, `maximum` a max-pool of stride 1, `up` a 2x transposed convolution,
    `interpolate` a linear interpolation by 2. `average` computes means over `bins` parts of the
    whole tile along each axis, `spread` interpolates its first source linearly to the size of its
    second.
    """

    name: str
    """Dotted name; the weights are named `name.weight`, `name.bias` and so on."""
    kind: Kind
    sources: tuple[int, ...]
    """Positions of the earlier layers that it reads."""
    channels: int
    depth: int = 0
    """One output voxel spans 2**depth input voxels."""
    start: int = 0
    """Input position at which the span of output voxel 0 begins."""
    fixed: bool = False
    """Whether its output has a fixed size, computed from the whole tile."""
    kernel: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = True
    pad: int = 0
    crop: int = 0
    """Voxels removed on each side."""
    bins: int = 0
    function: Activation | Literal["sigmoid"] = "relu"
    rate: float = 0.0


Program = tuple[Layer, ...]
"""All layers in the order in which they run: the first is the input, the last the logits."""


def last_readers(program: Program) -> dict[int, int]:
    """For each layer that is read, the position of the last layer that reads it."""
    return {source: index for index, layer in enumerate(program) for source in layer.sources}


def in_place(program: Program) -> frozenset[int]:
    """Layers that may overwrite their source, because no other layer reads it."""
    readers = [source for layer in program for source in layer.sources]
    return frozenset(
        index
        for index, layer in enumerate(program)
        if layer.kind in ("norm", "activation", "dropout")
        and readers.count(layer.sources[0]) == 1
        and program[layer.sources[0]].kind in ("convolution", "norm", "add")
    )
