"""Each kind of layer as a torch module, in 2D and 3D."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.nets.layer import Kind, Layer

CONVOLUTION: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, type[nn.BatchNorm2d | nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOL: dict[int, type[nn.MaxPool2d | nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
UP: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
AVERAGE: dict[int, Callable[[Tensor, int], Tensor]] = {
    2: functional.adaptive_avg_pool2d,
    3: functional.adaptive_avg_pool3d,
}
LINEAR = {2: "bilinear", 3: "trilinear"}


class Step(nn.Module):
    """A layer without weights, as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *values: Tensor) -> Tensor:
        """Calls the function with the outputs of the layer's sources, in order."""
        return self.function(*values)


def operation(layer: Layer, before: int, axes: int, *, in_place: bool) -> nn.Module:
    """The module that computes `layer` from (n, before, *spatial) with `axes` spatial axes.

    `in_place`: an activation may overwrite its input.
    """
    if layer.kind == "activation":
        return _activation(layer, in_place)
    return OPERATIONS[layer.kind](layer, before, axes)


def _activation(layer: Layer, in_place: bool) -> nn.Module:
    if layer.function == "leaky_relu":
        return nn.LeakyReLU(inplace=in_place)
    if layer.function == "elu":
        return nn.ELU(inplace=in_place)
    return nn.ReLU(inplace=in_place) if layer.function == "relu" else nn.Sigmoid()


def _convolution(layer: Layer, before: int, axes: int) -> nn.Module:
    return CONVOLUTION[axes](
        before,
        layer.channels,
        layer.kernel,
        padding=layer.pad,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )


def _interpolate(_layer: Layer, _before: int, axes: int) -> nn.Module:
    return Step(lambda values: functional.interpolate(values, scale_factor=2, mode=LINEAR[axes]))


def _crop(layer: Layer, _before: int, axes: int) -> nn.Module:
    inner = (..., *(slice(layer.crop, -layer.crop) for _ in range(axes)))
    return Step(lambda values: values[inner])


def _shuffle(layer: Layer, _before: int, _axes: int) -> nn.Module:
    groups = layer.groups
    return Step(lambda values: values.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2))


def _average(layer: Layer, _before: int, axes: int) -> nn.Module:
    return Step(lambda values: AVERAGE[axes](values, layer.bins))


def _spread(_layer: Layer, _before: int, axes: int) -> nn.Module:
    return Step(
        lambda values, like: functional.interpolate(values, size=like.shape[2:], mode=LINEAR[axes])
    )


OPERATIONS: dict[Kind, Callable[[Layer, int, int], nn.Module]] = {
    "convolution": _convolution,
    "norm": lambda layer, _before, axes: NORM[axes](layer.channels),
    "dropout": lambda layer, _before, _axes: nn.Dropout(layer.rate),
    "pool": lambda _layer, _before, axes: POOL[axes](2),
    "maximum": lambda layer, _before, axes: POOL[axes](layer.kernel, 1, layer.pad),
    "up": lambda layer, before, axes: UP[axes](
        before, layer.channels, 2, stride=2, bias=layer.bias
    ),
    "interpolate": _interpolate,
    "crop": _crop,
    "join": lambda _layer, _before, _axes: Step(lambda *values: torch.cat(values, 1)),
    "add": lambda _layer, _before, _axes: Step(lambda one, other: one + other),
    "multiply": lambda _layer, _before, _axes: Step(lambda values, gates: values * gates),
    "shuffle": _shuffle,
    "average": _average,
    "spread": _spread,
}
