"""Maps the steps before the network to the card's `preparation`, one by one. Torch-free."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.importers.bioimage_io.arguments import Arguments
from models.importers.bioimage_io.description import TensorDescription

_FLOATS = ("float32", "float64")
_FIXED_EPSILON = 1e-6
"""What bioimageio.core adds to a stated standard deviation."""
_EPSILON = 1e-6


@dataclass(slots=True)
class Preparation:
    """Collected while the steps are read in their order."""

    tensor: TensorDescription
    channels: int
    """Channels of the network."""
    rgb: bool
    """Whether they come from one image."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """The card's `preparation`."""
    assumptions: list[str] = field(default_factory=list)

    def normalise(self, *rules: dict[str, Any], together: bool = False) -> None:
        """Adds a step."""
        step: dict[str, Any] = {"step": "normalise", "rules": list(rules)}
        self.steps.append(step | ({"together": True} if together and self.channels > 1 else {}))


def read_preprocessing(tensor: TensorDescription, *, rgb: bool, channels: int) -> Preparation:
    """Raises BadModel, which names the first step that cannot be imported."""
    state = Preparation(tensor, channels, rgb)
    for step in tensor.steps:
        arguments = Arguments(step, tensor)
        if step.name not in STEPS:
            raise arguments.refusal()
        STEPS[step.name](arguments, state)
        arguments.finish()
    return state


def _zero_mean_unit_variance(arguments: Arguments, state: Preparation) -> None:
    together = _measured_together(arguments, state)
    rule = {"kind": "zscore", "epsilon": arguments.number("eps", _EPSILON)}
    state.normalise(rule, together=together)


def _fixed_zero_mean_unit_variance(arguments: Arguments, state: Preparation) -> None:
    means, stds = _along_channels(arguments, state, ("mean", None), ("std", None))
    epsilon = arguments.number("eps", _FIXED_EPSILON)
    state.normalise(
        *(
            {"kind": "fixed", "mean": mean, "std": std + epsilon}
            for mean, std in zip(means, stds, strict=True)
        )
    )


def _scale_range(arguments: Arguments, state: Preparation) -> None:
    together = _measured_together(arguments, state)
    reference = arguments.take("reference_tensor")
    if reference not in (None, state.tensor.name):
        raise arguments.refusal(f"with reference_tensor = {reference}")
    if reference is not None and state.steps:
        raise arguments.refusal("with the percentiles of the unprocessed tensor")
    rule = {
        "kind": "percentiles",
        "lower": arguments.number("min_percentile", 0.0),
        "upper": arguments.number("max_percentile", 100.0),
        "output": None,
        "epsilon": arguments.number("eps", _EPSILON),
    }
    state.normalise(rule, together=together)


def _scale_linear(arguments: Arguments, state: Preparation) -> None:
    gains, offsets = _along_channels(arguments, state, ("gain", 1.0), ("offset", 0.0))
    state.normalise(
        *(
            {"kind": "range", "input": [0.0, 1.0], "output": [offset, offset + gain]}
            for gain, offset in zip(gains, offsets, strict=True)
        )
    )


def _clip(arguments: Arguments, state: Preparation) -> None:
    for name in ("min_percentile", "max_percentile"):
        if arguments.take(name) is not None:
            raise arguments.refusal(f"with {name}")
    arguments.take("axes")
    ends = {
        field: arguments.number(name)
        for name, field in (("min", "lower"), ("max", "upper"))
        if arguments.step.arguments.get(name) is not None
    }
    if len(ends) == 2 and ends["lower"] >= ends["upper"]:
        raise arguments.refusal("with min not below max")
    state.normalise({"kind": "fixed", **ends})


def _ensure_dtype(arguments: Arguments, state: Preparation) -> None:
    """Values are float32 in Tessera; whole numbers are what scans of such a type contain."""
    dtype = arguments.take("dtype")
    if dtype in _FLOATS:
        return
    if state.steps or dtype == "bool":
        raise arguments.refusal(f"with dtype = {dtype}, which rounds")
    state.assumptions.append(f"scans contain values of the type {dtype}, unchanged.")


STEPS: dict[str, Callable[[Arguments, Preparation], None]] = {
    "clip": _clip,
    "ensure_dtype": _ensure_dtype,
    "fixed_zero_mean_unit_variance": _fixed_zero_mean_unit_variance,
    "scale_linear": _scale_linear,
    "scale_range": _scale_range,
    "zero_mean_unit_variance": _zero_mean_unit_variance,
}


def _measured_together(arguments: Arguments, state: Preparation) -> bool:
    """Whether all channels are measured together; raises BadModel for a part of the space."""
    joint = arguments.take("axes")
    if joint is None:
        joint = [axis.id for axis in state.tensor.axes]
    roles = {axis.id: axis.role for axis in state.tensor.axes}
    spaces = {axis.id for axis in state.tensor.spaces}
    if not isinstance(joint, list) or not set(joint) <= set(roles) or not spaces <= set(joint):
        raise arguments.refusal(f"with axes = {joint}, which is not all of {', '.join(spaces)}")
    chosen = {roles[axis] for axis in joint}
    text = "values are measured in each scan by itself, not in several scans together."
    if "batch" in chosen and text not in state.assumptions:
        state.assumptions.append(text)
    return "channel" in chosen


def _along_channels(
    arguments: Arguments, state: Preparation, *named: tuple[str, float | None]
) -> list[list[float]]:
    """Values of arguments (with their defaults), one for each channel or one for all of them."""
    axis = arguments.take("axis")
    lists = [arguments.numbers(name, default) for name, default in named]
    count = max(map(len, lists))
    channel = state.tensor.only("channel")
    if (count > 1 and axis is None) or axis not in (None, channel.id):
        raise arguments.refusal(f"with axis = {axis}")
    if count not in (1, state.channels) or any(len(one) not in (1, count) for one in lists):
        raise arguments.refusal(f"with {count} values for {state.channels} channels")
    full = [one * count if len(one) == 1 else one for one in lists]
    if all(len(set(one)) == 1 for one in full):
        return [one[:1] for one in full]
    if state.rgb:
        raise arguments.refusal(
            "with other values for each colour of an RGB image (--rgb no: three channels)"
        )
    return full
