"""All postprocessing transforms that can be imported, by their names at MONAI without the d."""

from collections.abc import Callable

from models.importers.monai_bundle.component import Component, transforms_of
from models.importers.monai_bundle.config import BundleConfig
from models.importers.monai_bundle.postprocessing.functions import lambda_function
from models.importers.monai_bundle.postprocessing.labels import activations, as_discrete, invert
from models.importers.monai_bundle.postprocessing.masks import (
    fill_holes,
    keep_largest,
    nothing,
    save_image,
)
from models.importers.monai_bundle.postprocessing.state import Postprocessing
from models.importers.monai_bundle.preprocessing.state import Preprocessing
from models.importers.monai_bundle.preprocessing.transforms import base_name
from models.importers.monai_bundle.refusals import unsupported

TRANSFORMS: dict[str, Callable[[Component, Postprocessing], None]] = {
    "Activations": activations,
    "AsDiscrete": as_discrete,
    "DeleteItems": nothing,
    "EnsureType": nothing,
    "FillHoles": fill_holes,
    "Invert": invert,
    "KeepLargestConnectedComponent": keep_largest,
    "Lambda": lambda_function,
    "SaveImage": save_image,
    "ToTensor": nothing,
}


def read_postprocessing(
    config: BundleConfig, before: Preprocessing, outputs: int
) -> Postprocessing:
    """Raises BadModel, which names the first transform that cannot be imported."""
    state = Postprocessing(before, outputs)
    last: Component | None = None
    for transform in transforms_of(config, "postprocessing"):
        name = base_name(transform)
        if name not in TRANSFORMS:
            raise transform.refusal()
        TRANSFORMS[name](transform, state)
        transform.finish()
        last = transform
    if state.kind not in ("labels", "regions"):
        raise unsupported(
            "A postprocessing that makes no labels",
            "AsDiscreted with argmax, or with threshold 0.5 after a sigmoid.",
        )
    if state.kind == "regions" and not state.painted:
        where = last.item_id if last else "postprocessing"
        raise unsupported(
            f"A mask of {outputs} regions that may overlap ({where}, without a transform that "
            "makes labels of them)",
            "One label for each voxel.",
        )
    if state.changes_grid and state.resample is None:
        raise unsupported(
            "A postprocessing without Invertd, whose mask is not on the scan's grid",
            "Invertd, where the preprocessing changes the grid.",
        )
    return state
