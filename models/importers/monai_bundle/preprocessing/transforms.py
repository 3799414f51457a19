"""All preprocessing transforms that can be imported, by their names at MONAI without the d."""

import re
from collections.abc import Callable

from models.importers.monai_bundle.component import Component, transforms_of
from models.importers.monai_bundle.config import BundleConfig
from models.importers.monai_bundle.inferer import InfererFacts
from models.importers.monai_bundle.preprocessing.grid import (
    border_pad,
    crop_foreground,
    divisible_pad,
    orientation,
    resize,
    spacing,
    spatial_pad,
)
from models.importers.monai_bundle.preprocessing.reading import (
    concat_items,
    ensure_channel_first,
    ensure_type,
    load_image,
    nothing,
)
from models.importers.monai_bundle.preprocessing.state import Preprocessing
from models.importers.monai_bundle.preprocessing.values import (
    normalize_intensity,
    scale_intensity,
    scale_intensity_range,
    scale_intensity_range_percentiles,
)
from models.importers.monai_bundle.refusals import unsupported

TRANSFORMS: dict[str, Callable[[Component, Preprocessing], None]] = {
    "BorderPad": border_pad,
    "CastToType": ensure_type,
    "ConcatItems": concat_items,
    "CropForeground": crop_foreground,
    "DataStats": nothing,
    "DeleteItems": nothing,
    "DivisiblePad": divisible_pad,
    "EnsureChannelFirst": ensure_channel_first,
    "EnsureType": ensure_type,
    "LoadImage": load_image,
    "NormalizeIntensity": normalize_intensity,
    "Orientation": orientation,
    "Resize": resize,
    "ScaleIntensity": scale_intensity,
    "ScaleIntensityRange": scale_intensity_range,
    "ScaleIntensityRangePercentiles": scale_intensity_range_percentiles,
    "Spacing": spacing,
    "SpatialPad": spatial_pad,
    "ToTensor": ensure_type,
}
_INPUT = "image"
"""The key that MONAI's evaluator reads."""
_DICTIONARY = re.compile(r"(?P<base>.+?)(?:d|D|Dict)")


def base_name(transform: Component) -> str:
    """`Spacing` for MONAI's Spacingd, SpacingD and SpacingDict; empty for anything else."""
    match = _DICTIONARY.fullmatch(transform.name)
    return match["base"] if match and transform.is_of_monai else ""


def read_preprocessing(config: BundleConfig, inferer: InfererFacts, channels: int) -> Preprocessing:
    """Raises BadModel, which names the first transform that cannot be imported."""
    axes = len(inferer.order)
    # MONAI's readers return images as columns, rows
    state = Preprocessing(inferer.order, channels, "ji" if axes == 2 else "ijk")
    for transform in transforms_of(config, "preprocessing"):
        name = base_name(transform)
        if name not in TRANSFORMS:
            raise transform.refusal()
        if not state.keys and name != "LoadImage":
            raise transform.refusal("before LoadImaged")
        TRANSFORMS[name](transform, state)
        transform.finish()
    if state.keys != [_INPUT]:
        raise unsupported(
            f"A preprocessing whose result is {', '.join(state.keys) or 'nothing'}",
            f"One image with the key {_INPUT}, which MONAI gives to the network.",
        )
    return state
