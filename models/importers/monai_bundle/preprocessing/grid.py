"""Transforms that change the grid: orientation, voxel size, crops, sizes."""

from typing import Any

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.preprocessing.state import Preprocessing, listed

_LINEAR = ("bilinear", "linear", "trilinear")
_PAD_MODES = {
    "constant": "constant", "edge": "replicate", "replicate": "replicate", "reflect": "reflect",
}  # fmt: skip
_ORDERS = {"nearest": 0, **dict.fromkeys(_LINEAR, 1)}


def orientation(transform: Component, state: Preprocessing) -> None:
    """Orientation: must come before what changes the grid, whose first voxel it moves."""
    state.check_keys(transform)
    code = transform.take("axcodes", None)
    transform.expect(as_closest_canonical=False, lazy=False)
    transform.ignore("labels")
    if not isinstance(code, str) or len(code) != state.axes:
        raise transform.refusal(f"with axcodes = {code}")
    if any(step["step"] != "normalise" for step in state.steps):
        raise transform.refusal("after a transform that changes the grid")
    state.axes_code = code.upper()


def spacing(transform: Component, state: Preprocessing) -> None:
    """Spacing: MONAI keeps the centre of the first voxel."""
    state.check_keys(transform)
    wanted = state.sizes(transform, "pixdim", transform.take("pixdim"))
    order = _order(transform, "bilinear")
    transform.expect(
        diagonal=False, padding_mode="border", align_corners=False, scale_extent=False,
        recompute_affine=False, min_pixdim=None, max_pixdim=None, ensure_same_shape=True,
        lazy=False,
    )  # fmt: skip
    transform.ignore("dtype")
    millimetres = [float(mm) if mm > 0 else None for mm in wanted]
    state.steps.append(
        {"step": "resample", "spacing_mm": millimetres, "anchor": "centres", "order": order}
    )
    state.resampling = f"{transform.name} ({transform.item_id})"


def resize(transform: Component, state: Preprocessing) -> None:
    """Resize to a fixed size, without smoothing."""
    state.check_keys(transform)
    size = state.sizes(transform, "spatial_size", transform.take("spatial_size"))
    mode = listed(transform.take("mode", "area"))
    if set(mode) - set(_LINEAR):
        raise transform.refusal(f"with mode = {mode[0]}")
    transform.expect(size_mode="all", align_corners=None, anti_aliasing=False, lazy=False)
    transform.ignore("anti_aliasing_sigma", "dtype")
    if not all(isinstance(n, int) and n > 0 for n in size):
        raise transform.refusal(f"with spatial_size = {size}")
    state.steps.append({"step": "resize", "size": size})
    state.resampling = f"{transform.name} ({transform.item_id})"
    state.nearest_back = False  # torch's `nearest` takes another voxel than the nearest


def crop_foreground(transform: Component, state: Preprocessing) -> None:
    """CropForeground: to the voxels above 0."""
    state.check_keys(transform)
    if listed(transform.take("source_key")) != state.keys:
        raise transform.refusal("for another source_key")
    margin = state.sizes(transform, "margin", transform.take("margin", 0))
    smaller = transform.take("allow_smaller", None)
    if any(margin) and smaller is not True:  # else MONAI pads; its default has changed
        raise transform.refusal("with a margin, unless allow_smaller is true")
    transform.expect(k_divisible=1, channel_indices=None, lazy=False)
    transform.ignore("mode", "start_coord_key", "end_coord_key")
    state.steps.append({"step": "crop_foreground", **({"margin": margin} if any(margin) else {})})


def spatial_pad(transform: Component, state: Preprocessing) -> None:
    """SpatialPad: to a least size; -1 is that of the image."""
    sizes = state.sizes(transform, "spatial_size", transform.take("spatial_size"))
    _pad(transform, state, size=[max(0, size) for size in sizes])


def divisible_pad(transform: Component, state: Preprocessing) -> None:
    """DivisiblePad: to a multiple; 0 and less leave an axis as it is."""
    factors = state.sizes(transform, "k", transform.take("k"))
    _pad(transform, state, multiple=[max(1, factor) for factor in factors])


def border_pad(transform: Component, state: Preprocessing) -> None:
    """BorderPad: the same on all sides, for each axis, or for each side."""
    stated = listed(transform.take("spatial_border"))
    if len(stated) == 2 * state.axes:
        pairs = [stated[n : n + 2] for n in range(0, len(stated), 2)]
    else:
        pairs = [[n, n] for n in state.sizes(transform, "spatial_border", stated)]
    _pad(transform, state, border=pairs)


def _pad(transform: Component, state: Preprocessing, **rule: Any) -> None:
    state.check_keys(transform)
    modes = listed(transform.take("mode", "constant"))
    if len(set(map(str, modes))) != 1 or modes[0] not in _PAD_MODES:
        raise transform.refusal(f"with mode = {modes[0]}")
    method = transform.take("method", "symmetric")
    if method not in ("symmetric", "end"):
        raise transform.refusal(f"with method = {method}")
    values = [transform.take(name, 0) for name in ("value", "constant_values")]
    transform.expect(lazy=False)
    state.steps.append(
        {
            "step": "pad",
            **rule,
            "mode": _PAD_MODES[modes[0]],
            "at_end": method == "end",
            "value": float(values[0] or values[1]),
        }
    )


def _order(transform: Component, default: str) -> int:
    modes = listed(transform.take("mode", default))
    if len(set(map(str, modes))) != 1 or modes[0] not in _ORDERS:
        raise transform.refusal(f"with mode = {modes[0]}")
    return _ORDERS[modes[0]]
