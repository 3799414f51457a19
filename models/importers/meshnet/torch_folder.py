"""Reads MeshNets as a layer list (model.json) and a state dict (model.pth).

model.pth is a safetensors file, whatever its ending, or a checkpoint of torch, which is read with
`weights_only`, so that no code in it runs.
"""

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from models.importers.meshnet.layers import (
    FUNCTIONS,
    Activation,
    Array,
    Convolution,
    Function,
    Layer,
    Layers,
)
from models.importers.meshnet.layers import Norm as BatchNorm
from models.importers.meshnet.refusals import damaged, unsupported
from models.importers.safetensors_file import is_safetensors, read_safetensors

_NUMBER = re.compile(r"(?:^|\.)(\d+)\.[a-z_]+$")
_EPSILON = 1e-5
"""Of torch's batch norm, unless its author chose another, which a state dict does not tell."""


def is_layer_list(description: Any) -> bool:
    """Whether the content of a model.json is the layer list of a MeshNet."""
    layers = description.get("layers") if isinstance(description, dict) else None
    return (
        isinstance(layers, list)
        and bool(layers)
        and all(isinstance(one, dict) and {"kernel_size", "dilation"} <= set(one) for one in layers)
    )


def read_torch_folder(description: Mapping[str, Any], weights: Path) -> Layers:
    """The layers; raises BadModel for damaged files and for layers that are not supported."""
    modules = _modules(_state_dict(weights))
    function = _function(description)
    layers: list[Layer] = []
    try:
        for index, config in enumerate(description["layers"]):
            layers.append(_convolution(config, modules.pop(0)))
            if modules and "running_mean" in modules[0]:
                layers.append(_norm(modules.pop(0)))
            elif description.get("bnorm") and index < len(description["layers"]) - 1:
                raise unsupported(
                    "norms without weights, which are instance or group norms ('bnorm': true)"
                )
            layers.append(Activation(function))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise damaged(f"model.json and model.pth do not fit together: {error}.") from error
    if modules:
        raise damaged(f"model.pth has {len(modules)} layers that model.json does not list.")
    return tuple(layers[:-1])  # the last convolution gives logits


def _function(description: Mapping[str, Any]) -> Function:
    named: list[Function] = [name for name in FUNCTIONS if description.get(name)]
    return named[0] if named else "relu"


def _state_dict(path: Path) -> dict[str, Array]:
    if is_safetensors(path):
        return read_safetensors(path)
    from models.importers.torch_file import read_state_dict

    return read_state_dict(path)


def _modules(weights: Mapping[str, Array]) -> list[dict[str, Array]]:
    """The weights of each layer, in the order of the numbers in their names."""
    numbered = []
    for name, values in weights.items():
        match = _NUMBER.search(name)
        if match is None:
            raise damaged(f"model.pth has a weight without a layer number: {name}.")
        numbered.append((int(match.group(1)), name.rpartition(".")[2], values))
    numbered.sort(key=lambda entry: entry[:2])
    return [
        {part: values for _, part, values in group}
        for _, group in groupby(numbered, key=lambda entry: entry[0])
    ]


def _convolution(config: Mapping[str, Any], weights: Mapping[str, Array]) -> Convolution:
    weight = weights["weight"]
    kernel, dilation = int(config["kernel_size"]), int(config["dilation"])
    expected = (config["out_channels"], config["in_channels"], kernel, kernel, kernel)
    if weight.shape != expected:
        raise damaged(f"A layer has weights of shape {weight.shape}; model.json states {expected}.")
    if kernel % 2 == 0 or config.get("stride", 1) != 1:
        raise unsupported(f"a kernel of {kernel} voxels with stride {config.get('stride', 1)}")
    if config.get("padding") != kernel // 2 * dilation:
        raise unsupported(f"padding {config.get('padding')} at dilation {dilation}")
    bias = weights.get("bias", np.zeros(len(weight), np.float32))
    return Convolution(weight, bias, (dilation,) * 3)


def _norm(weights: Mapping[str, Array]) -> BatchNorm:
    mean = weights["running_mean"]
    scale = weights.get("weight", np.ones_like(mean))
    offset = weights.get("bias", np.zeros_like(mean))
    return BatchNorm(scale, offset, mean, weights["running_var"], _EPSILON)
