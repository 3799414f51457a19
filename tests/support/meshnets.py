"""Small MeshNets in the file formats of brainchop, written from a network of torch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

LABELS = ("Unknown", "Cerebral-White-Matter", "Cerebral-Cortex")
COLORMAP = {"R": [0, 245, 205], "G": [0, 245, 62], "B": [0, 245, 78], "labels": list(LABELS)}


def meshnet(dilations: Sequence[int] = (1, 2, 4, 1), width: int = 4, *, norm: bool = False) -> Any:
    """A network with random weights; kernels differ along all axes, so that a turn is noticed."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    channels = 1
    for dilation in dilations:
        layers.append(nn.Conv3d(channels, width, 3, padding=dilation, dilation=dilation))
        if norm:
            layers.append(nn.BatchNorm3d(width))
            layers[-1].running_mean = torch.randn(width)
            layers[-1].running_var = torch.rand(width) + 0.5
        layers.append(nn.ELU())
        channels = width
    layers.append(nn.Conv3d(channels, len(LABELS), 1))
    network = nn.Sequential(*layers).eval()
    with torch.inference_mode():  # every label is the best one somewhere
        network[-1].bias -= network(torch.rand(1, 1, 16, 16, 16)).mean((0, 2, 3, 4))
    return network


def write_torch(network: Any, folder: Path, *, safetensors: bool = True) -> Path:
    """A layer list and a state dict under the names of brainchop."""
    folder.mkdir(parents=True)
    description = {
        "header": "A small MeshNet",
        "bnorm": any(isinstance(layer, nn.BatchNorm3d) for layer in network),
        "elu": True,
        "layers": [
            {
                "in_channels": layer.in_channels,
                "out_channels": layer.out_channels,
                "kernel_size": layer.kernel_size[0],
                "padding": layer.padding[0],
                "stride": 1,
                "dilation": layer.dilation[0],
            }
            for layer in network
            if isinstance(layer, nn.Conv3d)
        ],
    }
    (folder / "model.json").write_text(json.dumps(description))
    (folder / "colormap.json").write_text(json.dumps(COLORMAP))
    state = {f"model.{name}": values for name, values in network.state_dict().items()}
    if safetensors:
        write_safetensors(state, folder / "model.pth")
    else:
        torch.save(state, folder / "model.pth")
    return folder


def write_safetensors(state: dict[str, Tensor], path: Path) -> None:
    """A safetensors file: the header's length, the header, the values."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in state.items():
        array = values.numpy()
        kind = "I64" if array.dtype == np.int64 else "F32"
        offsets = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_tfjs(network: Any, folder: Path, *, shards: int = 2) -> Path:
    """A layers model with channels last, its weights in several files."""
    folder.mkdir(parents=True)
    layers: list[dict[str, Any]] = [_layer("InputLayer", "input", None, {})]
    entries, data = [], b""
    for index, layer in enumerate(network):
        previous, name = layers[-1]["config"]["name"], f"layer_{index}"
        if isinstance(layer, nn.ELU):
            layers.append(_layer("Activation", name, previous, {"activation": "elu"}))
            continue
        kind, config, weights = _conv3d(layer) if isinstance(layer, nn.Conv3d) else _norm(layer)
        layers.append(_layer(kind, name, previous, config))
        for part, values in weights.items():
            array = np.ascontiguousarray(values.detach().numpy())
            shape = list(array.shape)
            entries.append({"name": f"{name}/{part}", "shape": shape, "dtype": "float32"})
            data += array.tobytes()
    names = [f"group1-shard{n + 1}of{shards}.bin" for n in range(shards)]
    cut = len(data) // shards
    for n, name in enumerate(names):
        end = None if n == shards - 1 else (n + 1) * cut
        (folder / name).write_bytes(data[n * cut : end])
    model = {"class_name": "Functional", "config": {"name": "model", "layers": layers}}
    description = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.6.0", "model_config": model},
        "weightsManifest": [{"paths": names, "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(description))
    (folder / "colormap.json").write_text(json.dumps(COLORMAP))
    return folder


def _layer(kind: str, name: str, previous: str | None, config: dict[str, Any]) -> dict[str, Any]:
    inbound = [[[previous, 0, 0, {}]]] if previous else []
    return {"class_name": kind, "config": {"name": name, **config}, "inbound_nodes": inbound}


def _conv3d(layer: nn.Conv3d) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    config = {
        "strides": [1, 1, 1],
        "dilation_rate": list(layer.dilation),
        "padding": "same",
        "data_format": "channels_last",
        "activation": "linear",
        "use_bias": True,
    }
    assert layer.bias is not None
    return "Conv3D", config, {"kernel": layer.weight.permute(2, 3, 4, 1, 0), "bias": layer.bias}


def _norm(layer: nn.BatchNorm3d) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    config: dict[str, Any] = {"scale": True, "center": True, "epsilon": layer.eps}
    assert layer.running_mean is not None
    assert layer.running_var is not None
    weights = {
        "gamma": layer.weight,
        "beta": layer.bias,
        "moving_mean": layer.running_mean,
        "moving_variance": layer.running_var,
    }
    return "BatchNormalization", config, weights
