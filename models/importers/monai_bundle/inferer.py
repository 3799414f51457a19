"""Maps a bundle's inferer to the card's `windows`."""

from dataclasses import dataclass
from typing import Any

from models.importers.monai_bundle.component import Component

_WINDOWED = ("SlidingWindowInferer", "SlidingWindowInfererAdapt", "SliceInferer")
_PAD_MODES = ("constant", "reflect", "replicate")
_SPEED_ONLY = (
    "sw_batch_size", "sw_device", "device", "progress", "cache_roi_weight_map", "cpu_thresh",
    "buffer_steps", "buffer_dim",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InfererFacts:
    """How the network runs over a scan."""

    windows: dict[str, Any] | None
    """The card's `windows`; None: the network runs on the whole scan."""
    order: tuple[int, ...]
    """MONAI's spatial axis that each axis of the card runs along."""

    @property
    def patch(self) -> tuple[int, ...] | None:
        """The size of a window along the network's own axes."""
        if self.windows is None:
            return None
        return tuple(self.windows["patch"][int(self.windows["slicewise"]) :])


def inferer_facts(inferer: Component, network_axes: int) -> InfererFacts:
    """Raises BadModel where the inferer does something that Tessera cannot repeat."""
    if not inferer.is_of_monai or inferer.name not in (*_WINDOWED, "SimpleInferer"):
        raise inferer.refusal()
    if inferer.name == "SimpleInferer":
        inferer.finish()
        return InfererFacts(None, tuple(range(network_axes)))
    slices = inferer.name == "SliceInferer"
    if not slices and _is_whole(inferer):
        inferer.ignore(
            "roi_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval", *_SPEED_ONLY
        )
        inferer.expect(with_coord=False)
        inferer.finish()
        return InfererFacts(None, tuple(range(network_axes)))
    order = _slices_first(inferer) if slices else tuple(range(network_axes))
    patch = _patch(inferer, network_axes)
    windows = {
        "patch": [1, *patch] if slices else patch,
        "step": 1 - _number(inferer, "overlap", 0.25),
        "step_rule": "fixed",
        "weights": _one_of(inferer, "mode", ("constant", "gaussian")),
        "sigma": _number(inferer, "sigma_scale", 0.125),
        "pad_mode": _one_of(inferer, "padding_mode", _PAD_MODES),
        "pad_value": _number(inferer, "cval", 0.0),
        "slicewise": slices,
    }
    inferer.ignore(*_SPEED_ONLY)
    inferer.expect(with_coord=False)
    inferer.finish()
    return InfererFacts(windows, order)


def _is_whole(inferer: Component) -> bool:
    """Whether its one window is the whole scan."""
    sizes = inferer.peek("roi_size")
    return sizes in (-1, 0) or (isinstance(sizes, list) and all(n in (-1, 0) for n in sizes))


def _slices_first(inferer: Component) -> tuple[int, ...]:
    axis = inferer.take("spatial_dim", 0)
    if axis not in (0, 1, 2):
        raise inferer.refusal(f"with spatial_dim = {axis}")
    return (axis, *(other for other in range(3) if other != axis))


def _patch(inferer: Component, axes: int) -> list[int]:
    size = inferer.take("roi_size")
    sizes = [size] * axes if isinstance(size, int) else size
    if (
        not isinstance(sizes, list)
        or len(sizes) != axes
        or not all(isinstance(n, int) and n > 0 for n in sizes)
    ):
        raise inferer.refusal(f"with roi_size = {size}")
    return sizes


def _number(inferer: Component, argument: str, default: float) -> float:
    value = inferer.take(argument, default)
    if isinstance(value, list) and len(set(map(str, value))) == 1:
        value = value[0]
    if not isinstance(value, int | float):
        raise inferer.refusal(f"with {argument} = {value}")
    return float(value)


def _one_of(inferer: Component, argument: str, values: tuple[str, ...]) -> str:
    value = inferer.take(argument, values[0])
    if value not in values:
        raise inferer.refusal(f"with {argument} = {value}")
    return str(value)
