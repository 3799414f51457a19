"""Converts a program of torch to ONNX, and compares both for several sizes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from imaging.errors import BadModel, BadRequest
from models.importers.importer import ImportedModel, Report
from models.importers.licence import licence_beside
from models.importers.stated_card import stated_card
from models.importers.torch_export import TOLERANCE, export_to_onnx
from models.importers.torch_program.options import TorchProgramOptions
from models.importers.torch_program.recognise import is_torchscript

_ROUNDINGS = 4
"""A deep network rounds more than TOLERANCE: it may differ by this multiple of what torch itself
differs from float64."""
_STEPS = (16, 32, 64)
"""Voxels by which each axis of a second probe is longer than the one before: the first that the
network accepts, because its stride divides it."""


class _FirstOutput(nn.Module):
    """The program's output, or the first of several; as logits where it gives probabilities."""

    def __init__(self, program: nn.Module, offset: float) -> None:
        super().__init__()
        self.program, self.offset = program, offset
        self.training = False  # of this module alone: an exported program has no such mode

    def forward(self, image: Tensor) -> Tensor:
        output: Any = self.program(image)
        while isinstance(output, list | tuple):
            output = output[0]
        logits: Tensor = output - self.offset if self.offset else output
        return logits


def convert(
    source: Path, options: TorchProgramOptions, draft: Path, report: Report
) -> ImportedModel:
    """Writes draft/model.onnx and returns its card; raises BadModel and BadRequest."""
    if not options.trust:
        raise BadRequest(
            "The source is a program of torch: loading it runs code that it contains.",
            expected="A source that you trust as you would trust any program.",
            hint="If you do, repeat the command with --trust.",
        )
    program = _load(source)
    axes, channels = _shape_of_input(program)
    probe = _probe(axes, channels, options.probe_size)
    outputs = _run(program, probe)
    card = stated_card(source.stem, options, axes, channels, outputs.shape[1])
    licence = licence_beside(source.parent)
    card |= {"licence": licence} if licence else {}
    assumed = _assumptions(options)
    offset = 0.0
    if card["activation"] == "sigmoid" and _are_probabilities(outputs):
        offset = 0.5
        assumed.append("the network's outputs are probabilities, because all are from 0 to 1.")
    report(f"Converting a {axes}D network, {_parameters(program):,} weights ...")
    network = _traced(_FirstOutput(program, offset), probe)
    file = draft / "model.onnx"
    export_to_onnx(network, file, channels, tuple(probe.shape[2:]))
    probes = [_probe(axes, channels, options.probe_size, step) for step in _STEPS]
    _compare_larger(network, file, probes)
    return ImportedModel(card, tuple(assumed))


def _load(source: Path) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
            if is_torchscript(source):
                program: nn.Module = torch.jit.load(source, map_location="cpu")  # type: ignore[no-untyped-call]
                return program.train(False)
            return torch.export.load(source).module()
    except (RuntimeError, ValueError, OSError, KeyError, AttributeError) as error:
        raise BadModel(
            f"torch {torch.__version__} cannot load the file.",
            expected="A TorchScript file (torch.jit.save) or an exported program "
            "(torch.export.save) without operators of its own.",
            hint="Save it again with this release of torch, or export it to ONNX yourself.",
        ) from error


def _shape_of_input(program: nn.Module) -> tuple[int, int]:
    """Spatial axes and channels, from the first convolution's weights."""
    for weight in program.parameters():
        if weight.dim() in (4, 5):
            return weight.dim() - 2, weight.shape[1]
    raise BadModel(
        "The network has no 2D or 3D convolution.",
        expected="A network that segments images or volumes.",
        hint="Export it to ONNX and add it with `tessera models add`.",
    )


def _probe(axes: int, channels: int, size: int, step: int = 0) -> Tensor:
    """Noise, each axis `step` voxels longer than the one before."""
    sizes = [size + step * axis for axis in range(axes)]
    values = np.random.default_rng(0).standard_normal((1, channels, *sizes), np.float32)
    return torch.from_numpy(values)


def _run(program: nn.Module, probe: Tensor) -> Tensor:
    try:
        with torch.inference_mode():
            outputs = _FirstOutput(program, 0.0)(probe)
    except (RuntimeError, TypeError, IndexError, AssertionError) as error:
        raise _not_run(probe) from error
    if not isinstance(outputs, Tensor) or outputs.shape[2:] != probe.shape[2:]:
        raise BadModel(
            f"For an input of shape {tuple(probe.shape)} the network does not return one output "
            "of the same size.",
            expected="Outputs (n, labels, *spatial) on the grid of the input.",
            hint="Export it to ONNX and add it with `tessera models add`.",
        )
    return outputs


def _are_probabilities(outputs: Tensor) -> bool:
    return bool(outputs.min() >= 0 and outputs.max() <= 1)


def _parameters(program: nn.Module) -> int:
    return sum(weight.numel() for weight in program.parameters())


def _traced(network: nn.Module, probe: Tensor) -> nn.Module:
    """The exporter takes a program only as a whole, not as a part of another module."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the trace does not follow is compared below
            traced: nn.Module = torch.jit.trace(network, probe, check_trace=False)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise _not_run(probe) from error
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
        raise _not_run(probes[-1])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    if not _equal(_session_run(session, probe), expected, _rounding(network, probe, expected)):
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
        raise _not_run(probe) from error


def _equal(actual: Any, expected: Any, rounding: float) -> bool:
    if actual.shape != expected.shape:
        return False
    allowed = max(TOLERANCE * float(np.ptp(expected)), _ROUNDINGS * rounding, 1e-10)
    return bool(np.abs(actual - expected).max() <= allowed)


def _rounding(network: nn.Module, probe: Tensor, expected: Any) -> float:
    """Largest difference of the program's outputs from its own in float64; 0 if it has none."""
    try:
        with torch.inference_mode():
            exact = network.double()(probe.double()).numpy()
    except RuntimeError:  # its code names a type
        return 0.0
    return float(np.abs(exact - expected).max())


def _not_run(probe: Tensor) -> BadModel:
    return BadModel(
        f"The network fails for an input of shape {tuple(probe.shape)}.",
        expected="A network with one input (n, channels, *spatial) of any size.",
        hint="If it needs larger images, or multiples of a larger number, choose --probe-size.",
    )


def _assumptions(options: TorchProgramOptions) -> list[str]:
    assumed = [f"the axes of the network's input grow to {options.orientation}."]
    if not options.spacing:
        assumed.append("the network reads scans at their own voxel size.")
    return assumed
