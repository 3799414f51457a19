"""Maps nnU-Net's preprocessing to the card's fields. Torch-free.

nnU-Net transposes, crops to the voxels that are not 0, normalises, resamples: in this order.
"""

from collections.abc import Callable, Mapping
from typing import Any

from models.importers.nnunet.plans import Configuration, Plans
from models.importers.nnunet.refusals import damaged, unsupported

_COARSE_RATIO = 3.0
_SPLINES = "resample_data_or_seg_to_shape"
_TORCH = "resample_torch_fornnunet"
_NONE = ("no_resampling_data_or_seg_to_shape", "no_resampling_hack")
_STORED = {
    "SimpleITKIO": "kji",
    "NibabelIO": "kji",
    "NibabelIOWithReorient": "SAR",
    "SimpleITKIOWithReorient": "SAR",
    "Tiff3DIO": "ijk",
    "NaturalImage2DIO": "-ij",
}
"""The axes z, y, x of what each reader of nnU-Net returns, as a card's `orientation`. An image is
one slice: its first axis is no axis of the file."""
_SPACING_FROM_FILE = (
    "SimpleITKIO",
    "NibabelIO",
    "NibabelIOWithReorient",
    "SimpleITKIOWithReorient",
)


def orientation_of(plans: Plans, stored: str | None) -> str:
    """The card's `orientation`. `stored`: directions of the stored axes i, j, k, where scans must
    be turned to them; None: axes are used as stored."""
    reader = plans.image_reader_writer
    if reader not in _STORED:
        raise unsupported(f"the reader {reader}", f"One of: {', '.join(_STORED)}.")
    axes = _STORED[reader]
    if stored is not None and axes.islower():
        axes = "".join(stored["ijk".index(letter)] for letter in axes)
    if sorted(plans.transpose_forward) != [0, 1, 2]:
        raise damaged("transpose_forward of plans.json is no order of three axes.")
    if plans.images:
        axes = f"-{axes[-2:]}" if reader == "NaturalImage2DIO" else "-ij"
    turned = "".join(axes[axis] for axis in plans.transpose_forward)
    if plans.images and turned[0] != "-":
        raise unsupported("images whose slice axis is not the first", "Images as they are stored.")
    return turned.removeprefix("-")


def preparation_of(
    plans: Plans, configuration: Configuration, axes: int, scans: int
) -> list[dict[str, Any]]:
    """The card's `preparation`. `axes`: of the card; `scans`: one rule for each, or for an RGB
    image."""
    if configuration.preprocessor_name != "DefaultPreprocessor":
        raise unsupported(f"the {configuration.preprocessor_name}", "The DefaultPreprocessor.")
    rules = _rules(plans, configuration)
    if len(rules) != scans:
        if any(rule != rules[0] for rule in rules):
            raise unsupported("components that are normalised differently", "One rule for all.")
        rules = rules[:1]
    masked = any(rule.get("over") == "inside" for rule in rules)
    crop: dict[str, Any] = {"step": "crop_nonzero"}
    crop |= {"keep_mask": True} if masked else {}
    steps: list[dict[str, Any]] = [crop, {"step": "normalise", "rules": rules}]
    resample = _resample(plans, configuration, axes)
    return [*steps, resample] if resample else steps


def _rules(plans: Plans, configuration: Configuration) -> list[dict[str, Any]]:
    schemes, masks = configuration.normalization_schemes, configuration.use_mask_for_norm
    if len(schemes) != len(masks):
        raise damaged("plans.json does not state use_mask_for_norm for every channel.")
    return [
        _rule(scheme, masked, plans.intensities.get(str(number), {}))
        for number, (scheme, masked) in enumerate(zip(schemes, masks, strict=True))
    ]


def _rule(scheme: str, masked: bool, figures: Mapping[str, Any]) -> dict[str, Any]:
    if scheme not in _SCHEMES:
        raise unsupported(f"the normalisation {scheme}", f"One of: {', '.join(_SCHEMES)}.")
    try:
        return _SCHEMES[scheme](masked, figures)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(f"plans.json has no intensity properties for {scheme}: {error}.") from error


def _ct(_masked: bool, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "fixed",
        "lower": float(figures["percentile_00_5"]),
        "upper": float(figures["percentile_99_5"]),
        "mean": float(figures["mean"]),
        "std": max(float(figures["std"]), 1e-8),
    }


_SCHEMES: dict[str, Callable[[bool, Mapping[str, Any]], dict[str, Any]]] = {
    "CTNormalization": _ct,
    "ZScoreNormalization": lambda masked, _: {
        "kind": "zscore",
        **({"over": "inside"} if masked else {}),
    },
    "NoNormalization": lambda *_: {"kind": "none"},
    "RescaleTo01Normalization": lambda *_: {"kind": "extremes"},
    "RGBTo01Normalization": lambda *_: {"kind": "fixed", "std": 255.0},
}


def _resample(plans: Plans, configuration: Configuration, axes: int) -> dict[str, Any] | None:
    data = _resampling(configuration.resampling_fn_data, configuration.resampling_fn_data_kwargs)
    results = _resampling(
        configuration.resampling_fn_probabilities, configuration.resampling_fn_probabilities_kwargs
    )
    if (data is None) != (results is None):
        raise unsupported("scans that are resampled and results that are not", "Both, or none.")
    if data is None or results is None or _always_one_spacing(plans, configuration):
        return None
    if results["order"] != 1 or results.get("coarse_ratio") != data.get("coarse_ratio"):
        raise unsupported(
            f"results that are resampled with {results}", "Order 1, with the scans' coarse axis."
        )
    spacing: list[float | None] = [*configuration.spacing]
    if configuration.axes < axes:
        spacing.insert(0, None)  # a 2D network keeps the distance of slices
    return {"step": "resample", "spacing_mm": spacing, "anchor": "edges", **data}


def _always_one_spacing(plans: Plans, configuration: Configuration) -> bool:
    """Whether the reader states the spacing 1 for every scan, whatever its file says."""
    if plans.image_reader_writer in _SPACING_FROM_FILE:
        return False
    return all(value == 1 for value in configuration.spacing)


def _resampling(name: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """A resampling function as parameters of the step; None: it does nothing."""
    if name in _NONE:
        return None
    if name == _SPLINES:
        order, clip, coarse_order = arguments.get("order", 3), True, arguments.get("order_z", 0)
    elif name == _TORCH and arguments.get("mode", "linear") == "linear":
        order, clip, coarse_order = 1, False, 0
    else:
        raise unsupported(f"the resampling {name}", f"{_SPLINES} or {_TORCH}.")
    apart = arguments.get("force_separate_z", None if name == _TORCH else False)
    ratio = arguments.get("separate_z_anisotropy_threshold", _COARSE_RATIO)
    step: dict[str, Any] = {"order": order}
    step |= {"clip": True} if clip else {}
    if apart is not False:
        step |= {"coarse_ratio": 1.0 if apart else float(ratio)}
        step |= {"coarse_order": coarse_order} if coarse_order else {}
    return step
