"""Transforms that make labels of the network's outputs."""

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.postprocessing.state import Postprocessing, pred_only

_HALF = 0.5


def activations(transform: Component, state: Postprocessing) -> None:
    """Activations: softmax or sigmoid."""
    pred_only(transform)
    softmax, sigmoid = (_flag(transform, name) for name in ("softmax", "sigmoid"))
    transform.expect(other=None)
    if state.kind != "logits" or (softmax and sigmoid):
        raise transform.refusal("after another activation")
    if softmax or sigmoid:
        state.kind = "softmax" if softmax else "sigmoid"


def as_discrete(transform: Component, state: Postprocessing) -> None:
    """AsDiscrete: argmax of exclusive labels, or a threshold for each region."""
    pred_only(transform)
    argmax, threshold = _flag(transform, "argmax"), _first(transform.take("threshold", None))
    one_hot = _first(transform.take("to_onehot", None))
    transform.expect(rounding=None)
    transform.ignore("n_classes", "num_classes", "dim", "keepdim", "dtype")
    if one_hot not in (None, False) and (not argmax or one_hot != state.outputs):
        raise transform.refusal(f"with to_onehot = {one_hot}")
    if argmax and state.kind in ("logits", "softmax") and threshold is None:
        state.kind = "labels"
    elif not argmax and state.kind == "sigmoid" and threshold == _HALF:
        state.kind, state.activation = "regions", "sigmoid"
        state.painted = [(0, 1)] if state.outputs == 1 else []
    elif argmax or threshold is not None:
        what = "argmax" if argmax else f"threshold = {threshold}"
        raise transform.refusal(f"with {what} after {state.kind}")


def invert(transform: Component, state: Postprocessing) -> None:
    """Invert: brings the result back to the scan's grid."""
    pred_only(transform)
    nearest = bool(_first(transform.take("nearest_interp", True)))
    transform.expect(post_func=None)
    transform.ignore(
        "transform", "orig_keys", "meta_keys", "orig_meta_keys", "meta_key_postfix", "to_tensor",
        "device",
    )  # fmt: skip
    if state.resample is not None:
        raise transform.refusal("a second time")
    final, by = state.kind in ("labels", "regions"), state.before.resampling
    if by and final and not nearest:
        raise transform.refusal(
            "with nearest_interp = False after AsDiscreted: as the scan was resampled by "
            f"{by}, it makes numbers between those of the labels"
        )
    if by and nearest and not (final and state.before.nearest_back):
        raise transform.refusal(f"with nearest_interp = True after {by}")
    state.resample = "labels" if final else "logits" if state.kind == "logits" else "probabilities"


def _flag(transform: Component, argument: str) -> bool:
    return bool(_first(transform.take(argument, False)))


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
