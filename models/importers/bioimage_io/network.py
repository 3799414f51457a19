"""Writes a package's network as model.onnx."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from imaging.errors import BadModel, BadRequest
from models.importers.bioimage_io.description import Description, Weights
from models.importers.bioimage_io.frame import Frame
from models.importers.bioimage_io.onnx_frame import in_frame
from models.importers.bioimage_io.options import BioimageOptions
from models.importers.bioimage_io.refusals import damaged, unsupported
from models.importers.bioimage_io.source_files import PackageFiles
from models.importers.bioimage_io.torch_frame import (
    InFrame,
    state_dict_network,
    torchscript_network,
)
from models.importers.traced_export import traced_to_onnx
from models.onnx_graph.network_file import read_network

_OF_TORCH: dict[str, Callable[[PackageFiles, Weights], nn.Module]] = {
    "torchscript": torchscript_network,
    "pytorch_state_dict": state_dict_network,
}
_FORMATS = ("onnx", *_OF_TORCH)


def chosen_weights(description: Description, options: BioimageOptions) -> Weights:
    """The weights to use; raises BadModel where none can be used, and BadRequest where they need
    --trust."""
    present = {one.format: one for one in description.weights}
    wanted = [options.weights] if options.weights else [one for one in _FORMATS if one in present]
    if not wanted or wanted[0] not in present:
        raise unsupported(
            f"The package has the weights {', '.join(sorted(present)) or 'none'}.",
            f"{options.weights or ', '.join(_FORMATS)}.",
        )
    weights = present[wanted[0]]
    if weights.format in _OF_TORCH and not options.trust:
        raise BadRequest(
            f"The package's weights are {weights.format}: loading them runs code that the package "
            "contains.",
            expected="ONNX weights, or a package that you trust as you would trust any program.",
            hint="If you do, repeat the command with --trust.",
        )
    return weights


def write_network(
    package: PackageFiles,
    weights: Weights,
    frame: Frame,
    offsets: NDArray[np.float32],
    ends: tuple[int, tuple[int, ...]],
    file: Path,
) -> None:
    """Writes `file`. `offsets`: subtracted from each output channel. `ends`: input channels, and a
    legal size of the image."""
    if weights.format in _OF_TORCH:
        network = InFrame(_OF_TORCH[weights.format](package, weights), frame, offsets).eval()
        traced_to_onnx(network, file, *ends)
        return
    source = package.path(weights.file.source, weights.file.sha256)
    if weights.further is not None:
        package.path(weights.further.source, weights.further.sha256)
    network_file = read_network(source)
    if len(network_file.inputs) != 1:
        raise unsupported(f"The network has {len(network_file.inputs)} inputs.", "One input.")
    axes = len(network_file.input_shape)
    if axes != len(frame.into):
        raise damaged(
            f"The network's input has {axes} axes, and the description states {len(frame.into)}."
        )
    try:
        file.write_bytes(in_frame(network_file, frame, offsets).SerializeToString())
    except ValueError as error:
        raise BadModel(
            "The network and its weights are larger than 2 GiB.",
            expected="At most 2 GiB, which is the largest file of ONNX.",
            hint="Export the network with weights in float16.",
        ) from error
