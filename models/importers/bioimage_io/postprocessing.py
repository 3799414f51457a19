"""Maps the steps after the network to what a card says about outputs. Torch-free."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.importers.bioimage_io.arguments import Arguments
from models.importers.bioimage_io.description import TensorDescription

Kind = Literal["raw", "sigmoid", "softmax", "regions"]
_FLOATS = ("float32", "float64")


@dataclass(slots=True)
class Outputs:
    """What the package's output is, collected while the steps are read in their order."""

    kind: Kind = "raw"
    """`raw`: as the network returns it. `regions`: 0 and 1 for each channel."""
    thresholds: tuple[float, ...] = ()
    """For regions: the network's output above which a voxel is inside, one for all channels or one
    for each."""

    def of_logits(self, logits: NDArray[Any], offsets: NDArray[Any]) -> NDArray[Any]:
        """The package's output. `logits` (n, channels, *spatial): the network's, less `offsets`."""
        if self.kind == "regions":
            inside: NDArray[Any] = np.asarray(logits) > 0
            return inside
        values: NDArray[Any] = logits.astype(np.float64) + offsets
        if self.kind == "sigmoid":
            return np.asarray(1 / (1 + np.exp(-values)))
        if self.kind == "softmax":
            raised = np.exp(values - values.max(axis=1, keepdims=True))
            return np.asarray(raised / raised.sum(axis=1, keepdims=True))
        return values


def read_postprocessing(tensor: TensorDescription) -> Outputs:
    """Raises BadModel, which names the first step that cannot be imported."""
    outputs = Outputs()
    for step in tensor.steps:
        arguments = Arguments(step, tensor)
        if step.name not in STEPS:
            raise arguments.refusal()
        STEPS[step.name](arguments, outputs)
        arguments.finish()
    return outputs


def _sigmoid(arguments: Arguments, outputs: Outputs) -> None:
    _first_step(arguments, outputs)
    outputs.kind = "sigmoid"


def _softmax(arguments: Arguments, outputs: Outputs) -> None:
    _first_step(arguments, outputs)
    channel = arguments.tensor.only("channel").id
    axis = arguments.take("axis", "channel")
    if axis != channel:
        raise arguments.refusal(f"with axis = {axis}")
    outputs.kind = "softmax"


def _binarize(arguments: Arguments, outputs: Outputs) -> None:
    """The values above a threshold: of the network's output, or of its sigmoid."""
    axis = arguments.take("axis")
    thresholds = arguments.numbers("threshold")
    if axis not in (None, arguments.tensor.only("channel").id):
        raise arguments.refusal(f"with axis = {axis}")
    if outputs.kind not in ("raw", "sigmoid"):
        raise arguments.refusal(f"after {outputs.kind}")
    if outputs.kind == "sigmoid":
        if not all(0 < one < 1 for one in thresholds):
            raise arguments.refusal("with a threshold that no sigmoid reaches")
        thresholds = [log(one / (1 - one)) for one in thresholds]
    outputs.kind, outputs.thresholds = "regions", tuple(thresholds)


def _ensure_dtype(arguments: Arguments, outputs: Outputs) -> None:
    dtype = arguments.take("dtype")
    if dtype not in _FLOATS and outputs.kind != "regions":
        raise arguments.refusal(f"with dtype = {dtype}, which rounds")


STEPS: dict[str, Callable[[Arguments, Outputs], None]] = {
    "binarize": _binarize,
    "ensure_dtype": _ensure_dtype,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
}


def _first_step(arguments: Arguments, outputs: Outputs) -> None:
    if outputs.kind != "raw":
        raise arguments.refusal(f"after {outputs.kind}")
