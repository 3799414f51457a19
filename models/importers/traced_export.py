"""Traces a program of torch, writes it as ONNX, and compares both for several sizes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from imaging.errors import BadModel
from models.importers.torch_export import TOLERANCE, export_to_onnx, same_logits

_STEPS = (16, 32, 64)
"""Voxels by which each axis of a second probe is longer than the one before: the first that the
network accepts, because its stride divides it."""


def traced_to_onnx(network: nn.Module, file: Path, channels: int, size: tuple[int, ...]) -> None:
    """Writes `file`: `image` (n, channels, *spatial) in, `logits` out, with free sizes.

    `size`: a legal spatial size. Raises BadModel where the network cannot be traced, or where torch
    and ONNX Runtime differ for this size or a larger one.
    """
    traced = _traced(network, noise(channels, size))
    export_to_onnx(traced, file, channels, size)
    _compare_larger(traced, file, [noise(channels, size, step) for step in _STEPS])


def noise(channels: int, size: tuple[int, ...], step: int = 0) -> Tensor:
    """(1, channels, *size), each axis lengthened by `step` voxels more than the one before."""
    sizes = [n + step * axis for axis, n in enumerate(size)]
    values = np.random.default_rng(0).standard_normal((1, channels, *sizes), np.float32)
    return torch.from_numpy(values)


def _traced(network: nn.Module, probe: Tensor) -> nn.Module:
    """The exporter takes a program only as a whole, not as a part of another module."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the trace does not follow is compared below
            traced: nn.Module = torch.jit.trace(network, probe, check_trace=False)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise not_run(probe) from error
    return traced


def _compare_larger(network: nn.Module, path: Path, probes: list[Tensor]) -> None:
    """Raises BadModel where ONNX Runtime and torch differ for the first probe that torch takes."""
    for probe in probes:
        try:
            with torch.inference_mode():
                expected = network(probe).numpy()
            break
        except RuntimeError:
            continue
    else:
        raise not_run(probes[-1])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    if not same_logits(network, probe, _session_run(session, probe), expected):
        raise BadModel(
            f"The converted network differs from the program for an input of shape "
            f"{tuple(probe.shape)}.",
            expected=f"Outputs within {TOLERANCE} of their range, or as close as torch rounds.",
            hint="Its code may depend on the size of the image. Export it to ONNX yourself, "
            "with free sizes, and add it with `tessera models add`.",
        )


def _session_run(session: Any, probe: Tensor) -> Any:
    try:
        return session.run(["logits"], {"image": probe.numpy()})[0]
    except Exception as error:
        raise not_run(probe) from error


def not_run(probe: Tensor) -> BadModel:
    """The error for a network that fails for this input."""
    return BadModel(
        f"The network fails for an input of shape {tuple(probe.shape)}.",
        expected="A network with one input (n, channels, *spatial) of any size.",
        hint="If it needs larger images, or multiples of a larger number, choose --probe-size.",
    )
