"""What is known about a network from its file alone."""

from dataclasses import dataclass
from typing import Literal

from models.onnx_graph.windows import Windows


@dataclass(frozen=True, slots=True)
class Tiling:
    """What tiles require, per spatial axis. The terms are those of the model card."""

    padding: Literal["valid", "same"]
    halo: tuple[int, ...]
    align: tuple[int, ...]
    minimum: tuple[int, ...]
    reads: tuple[Windows, ...]
    """For each axis, the input positions that the first `align` output positions read."""


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What is known about a network from its file alone."""

    dimension: Literal[2, 3]
    in_channels: int | None
    """None: the network accepts any number."""
    out_channels: int | None
    """None: the graph does not state it."""
    parameters: int
    """Number of weights."""
    tiling: Tiling | None
    """None: it cannot be derived; `reason` says why."""
    exact: bool
    """Whether all layers are local, so that tiling does not change the mask."""
    reason: str = ""
    """Why it is not exact, with the name of the layer; empty if it is."""
