"""Transforms that change the values of voxels."""

from typing import Any

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.preprocessing.state import Preprocessing


def scale_intensity(transform: Component, state: Preprocessing) -> None:
    """ScaleIntensity: the lowest and the highest value become minv and maxv."""
    transform.expect(factor=None)
    output = _pair(transform, "minv", 0.0, "maxv", 1.0)
    _add(transform, state, {"kind": "extremes", "output": output}, channel_wise=False)


def scale_intensity_range(transform: Component, state: Preprocessing) -> None:
    """ScaleIntensityRange: a_min and a_max become b_min and b_max."""
    ends = transform.take("a_min"), transform.take("a_max")
    rule = {"kind": "range", "input": [float(end) for end in ends], **_output(transform)}
    _add(transform, state, rule, channel_wise=True)


def scale_intensity_range_percentiles(transform: Component, state: Preprocessing) -> None:
    """ScaleIntensityRangePercentiles: two percentiles become b_min and b_max."""
    lower, upper = float(transform.take("lower")), float(transform.take("upper"))
    relative = bool(transform.take("relative", False))
    rule = {"kind": "percentiles", "lower": lower, "upper": upper, **_output(transform)}
    rule |= {"relative": True} if relative else {}
    _add(transform, state, rule, channel_wise=False)


def normalize_intensity(transform: Component, state: Preprocessing) -> None:
    """NormalizeIntensity: by the voxels' own mean and standard deviation, or by stated ones."""
    mean, std = transform.take("subtrahend", None), transform.take("divisor", None)
    over = {"over": "nonzero"} if transform.take("nonzero", False) else {}
    if mean is None and std is None:
        _add(transform, state, {"kind": "zscore", **over}, channel_wise=False)
        return
    if mean is None or std is None:
        raise transform.refusal("with one of subtrahend and divisor")
    means, stds = _per_channel(mean, state), _per_channel(std, state)
    if len(means) != len(stds) or len(means) not in (1, state.channels) or 0 in stds:
        raise transform.refusal(f"with subtrahend = {mean} and divisor = {std}")
    rules = [
        {"kind": "fixed", "mean": float(one), "std": float(other), **over}
        for one, other in zip(means, stds, strict=True)
    ]
    _add(transform, state, *rules, channel_wise=True)


def _add(
    transform: Component, state: Preprocessing, *rules: dict[str, Any], channel_wise: bool
) -> None:
    """Adds the step; without `channel_wise` all channels of an image are measured together."""
    state.check_keys(transform)
    each = bool(transform.take("channel_wise", channel_wise)) or channel_wise
    transform.ignore("dtype")
    step: dict[str, Any] = {"step": "normalise", "rules": list(rules)}
    if not each and len(state.keys) < state.channels:
        if len(state.keys) > 1:
            raise transform.refusal("for several images of several channels")
        step["together"] = True
    state.steps.append(step)


def _output(transform: Component) -> dict[str, Any]:
    low, high = transform.take("b_min", None), transform.take("b_max", None)
    clip = bool(transform.take("clip", False))
    if (low is None) != (high is None) or (clip and low is None):
        raise transform.refusal("without one of b_min and b_max")
    output = None if low is None else [float(low), float(high)]
    return {"output": output, **({"clip": True} if clip else {})}


def _pair(transform: Component, low: str, least: float, high: str, most: float) -> list[float]:
    ends = transform.take(low, least), transform.take(high, most)
    if None in ends:
        raise transform.refusal(f"without {low} and {high}")
    return [float(end) for end in ends]


def _per_channel(value: Any, state: Preprocessing) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    return values[:1] if len(set(values)) == 1 and state.channels > 1 else values
