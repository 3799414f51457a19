"""Networks of a package that are programs or weights of torch. Their code runs: with --trust."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imaging.errors import BadModel
from models.importers.bioimage_io.description import Architecture, Weights
from models.importers.bioimage_io.frame import Frame
from models.importers.bioimage_io.refusals import damaged
from models.importers.bioimage_io.source_files import PackageFiles
from models.importers.torch_file import load_checkpoint
from models.importers.torch_program.convert import load_program


class InFrame(nn.Module):
    """A package's network as (n, channels, *space) -> (n, channels, *space), less `offsets`."""

    def __init__(self, network: nn.Module, frame: Frame, offsets: NDArray[np.float32]) -> None:
        super().__init__()
        self.network, self.frame = network, frame
        shape = (1, len(offsets), *(1,) * len(frame.spaces))
        self.register_buffer("offsets", torch.from_numpy(offsets.reshape(shape)))

    def forward(self, image: Tensor) -> Tensor:
        """The first output, if there are several."""
        output: Any = self.network(image.permute(self.frame.into))
        while isinstance(output, list | tuple):
            output = output[0]
        ordered: Tensor = output.permute(self.frame.back)
        return ordered - self.get_buffer("offsets")


def torchscript_network(package: PackageFiles, weights: Weights) -> nn.Module:
    """The network of a TorchScript file."""
    return load_program(package.path(weights.file.source, weights.file.sha256))


def state_dict_network(package: PackageFiles, weights: Weights) -> nn.Module:
    """The network that the package's code makes, with the weights of a state dict."""
    if weights.architecture is None:
        raise damaged("The weights pytorch_state_dict have no architecture.")
    network = _made(package, weights.architecture)
    state = load_checkpoint(package.path(weights.file.source, weights.file.sha256))
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines()] or [""]
        raise damaged(f"The weights do not fit the network: {lines[-1][:200]}") from error
    return network.eval()


def _made(package: PackageFiles, architecture: Architecture) -> nn.Module:
    try:
        with _importable(package.root):
            module = _module(package, architecture)
            network = getattr(module, architecture.callable)(**architecture.arguments)
    except BadModel:
        raise
    except Exception as error:  # any code may run
        raise BadModel(
            f"The package's code for its network fails: {type(error).__name__}: "
            f"{(str(error).splitlines() or [''])[0][:200]}",
            expected="Code that runs on this machine.",
            hint="Install what it needs, or use a package with ONNX weights.",
        ) from error
    if not isinstance(network, nn.Module):
        raise damaged(f"{architecture.callable} of the package's code returns no network.")
    return network


def _module(package: PackageFiles, architecture: Architecture) -> ModuleType:
    if architecture.file is None:
        return importlib.import_module(architecture.module)
    path = package.path(architecture.file.source, architecture.file.sha256)
    spec = importlib.util.spec_from_file_location("bioimage_io_architecture", path)
    if spec is None or spec.loader is None:
        raise damaged(f"{path.name} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
