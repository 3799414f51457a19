"""Converts a program of torch to ONNX, and compares both for several sizes."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imaging.errors import BadModel, BadRequest
from models.importers.importer import ImportedModel, Report
from models.importers.licence import licence_beside
from models.importers.stated_card import stated_card
from models.importers.torch_program.options import TorchProgramOptions
from models.importers.torch_program.recognise import is_torchscript
from models.importers.traced_export import noise, not_run, traced_to_onnx


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
    program = load_program(source)
    axes, channels = _shape_of_input(program)
    size = (options.probe_size,) * axes
    probe = noise(channels, size)
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
    traced_to_onnx(_FirstOutput(program, offset), draft / "model.onnx", channels, size)
    return ImportedModel(card, tuple(assumed))


def load_program(source: Path) -> nn.Module:
    """The program of a file, whose code then runs; raises BadModel where torch cannot load it."""
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


def _run(program: nn.Module, probe: Tensor) -> Tensor:
    try:
        with torch.inference_mode():
            outputs = _FirstOutput(program, 0.0)(probe)
    except (RuntimeError, TypeError, IndexError, AssertionError) as error:
        raise not_run(probe) from error
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


def _assumptions(options: TorchProgramOptions) -> list[str]:
    assumed = [f"the axes of the network's input grow to {options.orientation}."]
    if not options.spacing:
        assumed.append("the network reads scans at their own voxel size.")
    return assumed
