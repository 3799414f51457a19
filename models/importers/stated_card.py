"""The card of a network whose file says nothing but its layers: the user states the rest."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import field_validator

from imaging.counted import counted
from imaging.errors import BadRequest
from imaging.label_codes import default_color
from imaging.orientation import check_orientation
from models.importers.names import model_name
from models.importers.options import Numbers, Texts, TrustOption

Activation = Literal["softmax", "sigmoid"]
_INTENSITIES = {"zscore": 0, "none": 0, "percentile": 2, "fixed": 2}
"""Kinds of intensity in a card, and how many numbers each takes."""


class StatedNames(TrustOption):
    """What few sources state: what the network's inputs and outputs are."""

    channels: Texts = ()
    """Names of the network's input channels, separated by commas, such as t1,flair. By default
    one channel is called `image`."""
    labels: Texts = ()
    """Names of the labels, separated by commas, in the order of the outputs. With softmax, the
    first output is background and has no name."""
    activation: Activation | None = None
    """What turns outputs into labels: `softmax` (the highest output) or `sigmoid` (each output is
    a region of its own). By default sigmoid for one output, else softmax."""
    spacing: Numbers = ()
    """Voxel size in mm of the training scans, one number for each axis, separated by commas. By
    default scans are used at their own voxel size."""


class StatedOptions(StatedNames):
    """What only the network's author knows."""

    intensity: str | None = None
    """How voxel values are normalised, as in a card: `zscore`, `none`, `percentile:LOWER:UPPER` or
    `fixed:LOWEST:HIGHEST` (clip, then subtract LOWEST and divide by the difference)."""
    orientation: str = "RAS"
    """The axes of the network's input, as in a card. By default `RAS`."""

    @field_validator("intensity")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            kind, *numbers = value.split(":")
            if len(numbers) != _INTENSITIES.get(kind, -1):
                raise ValueError("it needs zscore, none, percentile:1:99 or fixed:-100:240")
            if numbers and not float(numbers[0]) < float(numbers[1]):
                raise ValueError("the first number must be lower than the second")
        return value


def stated_card(
    stem: str, options: StatedOptions, axes: int, channels: int, outputs: int
) -> dict[str, Any]:
    """The fields of the card; raises BadRequest, which proposes a command, where one is missing."""
    activation = options.activation or ("sigmoid" if outputs == 1 else "softmax")
    named = outputs - (activation == "softmax")
    names = options.channels or (("image",) if channels == 1 else ())
    if options.intensity is None or len(options.labels) != named or len(names) != channels:
        raise _incomplete(axes, channels, outputs, activation)
    check_stated_orientation(options.orientation, axes)
    return {
        "name": model_name(stem),
        "title": stem,
        "dimension": axes,
        "channels": [{"name": name} for name in names],
        **label_fields(options.labels, activation),
        "intensity": _intensity(options.intensity),
        "orientation": options.orientation,
        **({"spacing_mm": list(options.spacing)} if options.spacing else {}),
    }


def label_fields(names: Sequence[str], activation: Activation) -> dict[str, Any]:
    """`labels`, `activation` and `outputs` of a card: one label for each output. With softmax, the
    first output is background and has no name."""
    values = list(range(1, len(names) + 1))
    return {
        "labels": [
            {"value": value, "name": name, "color": default_color(value)}
            for value, name in zip(values, names, strict=True)
        ],
        "activation": activation,
        "outputs": [0, *values] if activation == "softmax" else values,
    }


def check_stated_orientation(orientation: str, axes: int) -> None:
    """Raises BadRequest unless it is an orientation of scans with so many axes."""
    try:
        check_orientation(orientation, axes)
    except ValueError as error:
        raise BadRequest(
            f"--orientation is not valid: {error}.", hint="Correct the option."
        ) from error


def _intensity(text: str) -> dict[str, Any]:
    kind, *numbers = text.split(":")
    if not numbers:
        return {"kind": kind}
    lower, upper = (float(number) for number in numbers)
    card = {"kind": kind, "lower": lower, "upper": upper}
    return card | ({"mean": lower, "std": upper - lower} if kind == "fixed" else {})


def _incomplete(axes: int, channels: int, outputs: int, activation: Activation) -> BadRequest:
    names = "image" if channels == 1 else ",".join(f"channel{n + 1}" for n in range(channels))
    count = outputs - (activation == "softmax")
    labels = ",".join(f"label{n + 1}" for n in range(count))
    return BadRequest(
        f"The file does not say what the network reads and finds. It is a {axes}D network with "
        f"{counted(channels, 'input channel')} and {counted(outputs, 'output')} ({activation}).",
        expected=f"--channels with {channels}, --labels with {counted(count, 'name')}, and "
        "--intensity.",
        hint=f"For example: --channels {names} --labels {labels} --intensity zscore "
        f"--spacing {','.join(['1'] * axes)} --licence MIT",
    )
