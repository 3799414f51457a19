"""Transforms of finished masks."""

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.postprocessing.state import Postprocessing, pred_only
from models.importers.monai_bundle.preprocessing.state import listed


def keep_largest(transform: Component, state: Postprocessing) -> None:
    """KeepLargestConnectedComponent of single labels, with full connectivity."""
    pred_only(transform)
    state.check_grid(transform)
    labels = transform.take("applied_labels", None)
    independent = bool(transform.take("independent", True))
    transform.expect(connectivity=None, num_components=1)
    transform.ignore("is_onehot")
    if state.kind != "labels" or state.final:
        raise transform.refusal("for a result that is no label map")
    if labels is None:
        labels = list(range(1, state.outputs))
    if independent:
        state.steps.append({"step": "largest_component", "labels": listed(labels)})
    elif sorted(listed(labels)) == list(range(1, state.outputs)):
        state.steps.append({"step": "largest_foreground"})
    else:
        raise transform.refusal("with independent = False for some labels only")


def fill_holes(transform: Component, state: Postprocessing) -> None:
    """FillHoles of the only label, with background that is connected by faces: MONAI also fills
    other labels in a hole."""
    pred_only(transform)
    state.check_grid(transform)
    labels = transform.take("applied_labels", None)
    connectivity = transform.take("connectivity", None)
    if state.kind != "labels" or state.final:
        raise transform.refusal("for a result that is no label map")
    if connectivity != 1:
        raise transform.refusal(
            f"with connectivity = {connectivity}: Tessera fills holes that faces close, which is 1"
        )
    if state.outputs != 2 or listed(labels or 1) != [1]:
        raise transform.refusal("for several labels: MONAI fills other labels in a hole, too")
    state.steps.append({"step": "fill_holes", "labels": [1]})


def save_image(transform: Component, state: Postprocessing) -> None:
    """SaveImage: where and how the mask is stored does not change it, except a scale."""
    pred_only(transform)
    scale = transform.take("scale", None)
    if scale is not None:
        state.assumptions.append(
            f"mask values are labels, although the bundle stores them times {scale}."
        )
    transform.ignore(
        "meta_keys", "meta_key_postfix", "output_dir", "output_ext", "output_dtype", "dtype",
        "output_postfix", "separate_folder", "resample", "squeeze_end_dims", "data_root_dir",
        "print_log", "mode", "padding_mode", "align_corners", "writer", "folder_layout",
        "output_format", "output_name_formatter", "channel_dim", "savepath_in_metadict",
    )  # fmt: skip


def nothing(transform: Component, _state: Postprocessing) -> None:
    """Transforms that change no value."""
    transform.ignore(
        "keys", "name", "dtype", "data_type", "device", "wrap_sequence", "track_meta",
        "allow_missing_keys", "sep", "use_re",
    )  # fmt: skip
