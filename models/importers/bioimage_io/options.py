"""Options of a BioImage.IO model. Torch-free."""

from typing import Literal

from models.importers.stated_card import StatedNames

WeightsFormat = Literal["onnx", "torchscript", "pytorch_state_dict"]


class BioimageOptions(StatedNames):
    """What a description does not state, or states in its own words."""

    orientation: str | None = None
    """The axes of the network's input, as in a card. By default x grows to the left, y to the
    posterior and z to the superior, as in a TIFF stack: `SPL` for the axes z, y, x."""
    rgb: Literal["yes", "no"] | None = None
    """Whether three channels come from one RGB image. By default yes for images whose channels
    are called R, G, B or red, green, blue."""
    weights: WeightsFormat | None = None
    """Which weights of the package are used: `onnx`, `torchscript` or `pytorch_state_dict`. By
    default the first of these that it has. All but `onnx` need --trust."""
