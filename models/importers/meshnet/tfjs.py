"""Reads MeshNets in TensorFlow.js's format `layers-model`: model.json and files of weights.

The format is described at https://js.tensorflow.org/api (tf.io.ModelJSON). Kernels are
(k, k, k, in, out) there, and the layers are those of Keras.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from models.importers.meshnet.layers import (
    FUNCTIONS,
    Activation,
    Array,
    Convolution,
    Layer,
    Layers,
    Norm,
)
from models.importers.meshnet.refusals import damaged, unsupported

_IGNORED = frozenset(("InputLayer", "Dropout", "SpatialDropout3D"))
_DTYPES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}

Weights = Mapping[str, Array]


def is_layers_model(description: Any) -> bool:
    """Whether the content of a model.json is a layers model with a 3D convolution."""
    return (
        isinstance(description, dict)
        and isinstance(description.get("modelTopology"), dict)
        and "Conv3D" in str(description["modelTopology"])
    )


def read_tfjs(description: Any, folder: Path) -> Layers:
    """The layers; raises BadModel for damaged files and for layers that are not supported."""
    try:
        configured = _chain(description["modelTopology"]["model_config"])
        weights = _weights(description["weightsManifest"], folder)
        layers: list[Layer] = []
        for kind, config in configured:
            layers += _layers(kind, config, weights)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise damaged(f"model.json lacks something that it should contain: {error}.") from error
    return tuple(layers)


def _chain(model: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Class and configuration of each layer, in order; refuses a graph that is no chain."""
    config, previous, chain = model["config"], None, []
    listed = config["layers"] if isinstance(config, dict) else config
    for layer in listed:
        inbound = layer.get("inbound_nodes") or []
        sources = [str(node[0]) for nodes in inbound for node in nodes]
        if len(sources) > 1 or (sources and sources[0] != previous):
            raise unsupported(f"a layer that is not in a chain: {layer['config']['name']}")
        previous = str(layer["config"]["name"])
        chain.append((str(layer["class_name"]), layer["config"]))
    return chain


def _layers(kind: str, config: Mapping[str, Any], weights: Weights) -> list[Layer]:
    if kind in _IGNORED:
        return []
    if kind == "Conv3D":
        return [_convolution(config, weights), *_activation(config["activation"])]
    if kind == "BatchNormalization":
        return [_norm(config, weights)]
    if kind == "Activation":
        return _activation(config["activation"])
    if kind in ("ELU", "ReLU"):
        if config.get("alpha", 1.0) != 1.0 or config.get("max_value") is not None:
            raise unsupported(f"a layer {kind} with parameters of its own")
        return _activation(kind.lower())
    raise unsupported(f"a layer of kind {kind}")


def _activation(function: str) -> list[Layer]:
    if function == "linear":
        return []
    for known in FUNCTIONS:
        if function == known:
            return [Activation(known)]
    raise unsupported(f"the activation {function}")


def _convolution(config: Mapping[str, Any], weights: Weights) -> Convolution:
    name = config["name"]
    kernel = weights[f"{name}/kernel"]
    if kernel.ndim != 5 or any(size % 2 == 0 for size in kernel.shape[:3]):
        raise unsupported(f"a kernel of {kernel.shape[:3]} voxels in {name}")
    if set(config["strides"]) != {1} or config["padding"] != "same":
        raise unsupported(
            f"strides {tuple(config['strides'])} and padding '{config['padding']}' in {name}"
        )
    if config.get("data_format", "channels_last") != "channels_last" or config.get("groups", 1) > 1:
        raise unsupported(f"groups, or channels first, in {name}")
    outputs = kernel.shape[-1]
    bias = weights[f"{name}/bias"] if config["use_bias"] else np.zeros(outputs, np.float32)
    weight = np.ascontiguousarray(kernel.transpose(4, 3, 0, 1, 2))
    return Convolution(weight, bias, tuple(int(d) for d in config["dilation_rate"]))


def _norm(config: Mapping[str, Any], weights: Weights) -> Norm:
    name = config["name"]
    mean = weights[f"{name}/moving_mean"]
    return Norm(
        scale=weights[f"{name}/gamma"] if config["scale"] else np.ones_like(mean),
        offset=weights[f"{name}/beta"] if config["center"] else np.zeros_like(mean),
        mean=mean,
        variance=weights[f"{name}/moving_variance"],
        epsilon=float(config["epsilon"]),
    )


def _weights(manifest: Any, folder: Path) -> dict[str, Array]:
    """All weights by name, as float32."""
    weights: dict[str, Array] = {}
    for group in manifest:
        data = b"".join(_part(folder, str(path)) for path in group["paths"])
        at = 0
        for entry in group["weights"]:
            size = _bytes_of(entry)
            weights[str(entry["name"])] = _decoded(entry, data[at : at + size])
            at += size
        if at != len(data):
            raise damaged(f"The weights have {len(data)} bytes, and model.json describes {at}.")
    return weights


def _part(folder: Path, name: str) -> bytes:
    if Path(name).name != name:
        raise damaged("model.json names a file of weights outside its own folder.")
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise damaged(f"The file of weights {name} is missing or cannot be read.") from error


def _stored(entry: Mapping[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    kind = entry.get("quantization", entry)["dtype"]
    if kind not in _DTYPES:
        raise unsupported(f"weights of the type {kind}")
    shape = tuple(int(size) for size in entry["shape"])
    if min(shape, default=1) < 1:
        raise damaged(f"The weight {entry['name']} has no positive shape.")
    return np.dtype(_DTYPES[kind]), shape


def _bytes_of(entry: Mapping[str, Any]) -> int:
    dtype, shape = _stored(entry)
    return dtype.itemsize * prod(shape)


def _decoded(entry: Mapping[str, Any], data: bytes) -> Array:
    """Quantised weights are value * scale + min."""
    dtype, shape = _stored(entry)
    if len(data) != _bytes_of(entry):
        raise damaged("The file of weights is shorter than model.json describes.")
    rule = entry.get("quantization", {})
    values = np.frombuffer(data, dtype).astype(np.float32).reshape(shape)
    if "scale" in rule:
        values = values * np.float32(rule["scale"]) + np.float32(rule["min"])
    return values
