"""The card's fields that the description and the options state. Torch-free."""

import re
from collections.abc import Sequence
from typing import Any

from imaging.errors import BadRequest
from models.importers.bioimage_io.description import Description
from models.importers.bioimage_io.frame import Frame
from models.importers.bioimage_io.options import BioimageOptions
from models.importers.bioimage_io.postprocessing import Outputs
from models.importers.bioimage_io.preprocessing import Preparation
from models.importers.bioimage_io.refusals import GUIDE
from models.importers.names import model_name
from models.importers.stated_card import Activation, check_stated_orientation

_COLOURS = (["r", "g", "b"], ["red", "green", "blue"])
_PLACEHOLDER = re.compile(r"(channel|ch|c|class|label|output|out|dim|i)?[ _-]?\d*")


def is_rgb(names: Sequence[str], count: int, axes: int, options: BioimageOptions) -> bool:
    """Whether `count` channels come from one RGB image; raises BadRequest where they cannot."""
    if options.rgb == "yes" and count != 3:
        raise BadRequest(
            f"--rgb yes does not fit a network of {count} channels.", hint="Leave the option out."
        )
    if options.rgb is None:
        return axes == 2 and [name.casefold() for name in names] in _COLOURS
    return options.rgb == "yes"


def channel_fields(
    description: Description, count: int, *, rgb: bool, options: BioimageOptions
) -> list[dict[str, Any]]:
    """`channels` of the card; raises BadRequest where several have no names."""
    if rgb:
        name = options.channels[0] if options.channels else "image"
        return [{"name": name, "components": 3, "description": "RGB image."}]
    stated = [model_name(name) for name in description.input.only("channel").names]
    names = list(options.channels) or (stated if len(set(stated)) == count else [])
    if not names and count == 1:
        names = ["image"]
    if len(names) != count:
        example = ",".join(f"channel{n + 1}" for n in range(count))
        raise BadRequest(
            f"The network has {count} input channels, and the description does not name them.",
            expected=f"--channels with {count} names"
            + (", or --rgb yes for one RGB image." if count == 3 else "."),
            hint=f"For example: --channels {example}",
        )
    if count == 1 and not options.channels and _PLACEHOLDER.fullmatch(names[0]):
        names = ["image"]
    return [{"name": name} for name in names]


def activation_of(outputs: Outputs, count: int, options: BioimageOptions) -> Activation:
    """How outputs become labels; raises BadRequest where the option contradicts the package."""
    if outputs.kind == "raw":
        return options.activation or ("sigmoid" if count == 1 else "softmax")
    activation: Activation = "softmax" if outputs.kind == "softmax" else "sigmoid"
    if options.activation not in (None, activation):
        raise BadRequest(
            f"--activation {options.activation} contradicts the package, whose outputs are "
            f"{outputs.kind}.",
            hint="Leave the option out.",
        )
    return activation


def label_names(
    description: Description, count: int, activation: Activation, options: BioimageOptions
) -> tuple[list[str], list[str]]:
    """Names of the labels, and what was assumed; raises BadRequest where they are not stated."""
    background = int(activation == "softmax")
    names = list(options.labels)
    if len(names) == count - background and names:
        return names, []
    stated = [*description.output.only("channel").names][background:]
    usable = len(stated) == count - background and not any(
        _PLACEHOLDER.fullmatch(name.casefold()) for name in stated
    )
    if names or not usable:
        example = ",".join(f"label{n + 1}" for n in range(count - background))
        raise BadRequest(
            f"The network has {count} output{'s' * (count > 1)} ({activation}), and the "
            "description does not say what they are.",
            expected=f"--labels with {count - background} names.",
            hint=f"For example: --labels {example}",
        )
    return stated, ["labels have the names of the output's channels."]


def placement(
    description: Description, frame: Frame, options: BioimageOptions
) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """`orientation`, the steps that resample to the stated voxel size, and what was assumed."""
    assumed = []
    orientation = options.orientation or frame.orientation
    if orientation is None:
        raise BadRequest(
            f"The description calls the network's spatial axes {', '.join(frame.spaces)}.",
            expected="Axes called x, y and z, or --orientation.",
            hint=f"State the axes of the network's input with --orientation: {GUIDE}.",
        )
    check_stated_orientation(orientation, len(frame.spaces))
    if options.orientation is None and len(frame.spaces) == 3:
        assumed.append(
            f"the network's axes {', '.join(frame.spaces)} grow to {orientation}, as in a TIFF "
            "stack."
        )
    stated = tuple(axis.spacing_mm for axis in description.input.spaces)
    spacing: tuple[float | None, ...] = options.spacing or stated
    if None in spacing:
        assumed.append("the network reads scans at their own voxel size.")
        return {"orientation": orientation}, [], assumed
    step = {"step": "resample", "spacing_mm": list(spacing), "anchor": "edges"}
    return {"orientation": orientation}, [step], assumed


def preparation_fields(first: list[dict[str, Any]], before: Preparation) -> dict[str, Any]:
    """`preparation`, or `intensity` where nothing is done to the values."""
    steps = [*first, *before.steps]
    return {"preparation": steps} if steps else {"intensity": {"kind": "none"}}
