"""Writes a network of torch as an ONNX file and compares the two."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from imaging.errors import BadModel

OPSET = 18
TOLERANCE = 1e-4
"""Allowed difference, relative to the range of the logits: kernels round differently."""
_ROUNDINGS = 4


def export_to_onnx(network: nn.Module, path: Path, channels: int, size: tuple[int, ...]) -> None:
    """Writes `path`: `image` (n, channels, *spatial) float32 in, `logits` out, with free batch and
    spatial sizes.

    `size`: a legal spatial size. Raises BadModel where the file cannot be written, or where it
    gives other logits than torch for noise of this size.
    """
    image = torch.from_numpy(_noise((1, channels, *size)))
    names = ("ijk"[: len(size)], "xyz"[: len(size)])
    free = {
        end: {0: "n", **{2 + axis: letter for axis, letter in enumerate(letters)}}
        for end, letters in zip(("image", "logits"), names, strict=True)
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the exporter itself, not about the network
            torch.onnx.export(
                network, (image,), str(path), dynamo=False, opset_version=OPSET,
                input_names=["image"], output_names=["logits"], dynamic_axes=free,
            )  # fmt: skip
    except (RuntimeError, ValueError, TypeError) as error:
        raise BadModel(
            f"The network cannot be written as ONNX: {_first_line(error)}",
            expected="A network of layers that ONNX has.",
            hint="Export it to ONNX yourself and add it with `tessera models add`.",
        ) from error
    onnx.checker.check_model(str(path))
    _compare(network, path, _noise((2, channels, *size)))


def _compare(network: nn.Module, path: Path, image: np.ndarray) -> None:
    with torch.inference_mode():
        output = network(torch.from_numpy(image))
    if not isinstance(output, torch.Tensor):
        raise BadModel(
            "The network returns several results.",
            expected="A network that returns its logits alone.",
            hint="Switch deep supervision and other additional results off.",
        )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"image": image})[0]
    if not same_logits(network, torch.from_numpy(image), logits, output.numpy()):
        raise BadModel(
            "The exported network gives other logits than torch.",
            expected="The same logits, up to rounding.",
            hint="This is a defect of the export: report it, with the name of the network.",
        )


def same_logits(network: nn.Module, image: Tensor, actual: Any, expected: Any) -> bool:
    """Whether ONNX Runtime's logits of `image` are torch's, within TOLERANCE of their range or
    _ROUNDINGS times what torch itself rounds: a deep network rounds more."""
    if actual.shape != expected.shape:
        return False
    difference = float(np.abs(actual - expected).max())
    if difference <= max(TOLERANCE * float(np.ptp(expected)), 1e-10):
        return True
    return difference <= _ROUNDINGS * _rounding(network, image, expected)


def _rounding(network: nn.Module, image: Tensor, expected: Any) -> float:
    """Largest difference of the network's logits from its own in float64; 0 if it has none."""
    try:
        with torch.no_grad():  # weights made in inference mode could not be used outside of it
            exact = network.double()(image.double()).numpy()
    except RuntimeError:  # its code names a type
        return 0.0
    finally:
        network.float()
    return float(np.abs(exact - expected).max())


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
