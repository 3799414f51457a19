"""Builds a bundle's network with MONAI and gives it its weights."""

import inspect
import io
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from monai.networks import nets
from torch import Tensor, nn

from imaging.errors import BadModel
from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.config import TARGET, BundleConfig
from models.importers.monai_bundle.expressions import DEVICE, Symbol, TensorOf
from models.importers.monai_bundle.refusals import damaged, unsupported
from models.importers.monai_bundle.source_files import BundleFiles
from models.importers.torch_file import NUMPY, load_checkpoint

_MODULE = "monai.networks.nets"
_WITHOUT_EFFECT = {"SwinUNETR": ("img_size", "use_checkpoint")}
"""Arguments that a class had in earlier releases of MONAI, or that matter in training only."""
_DIRECTIVES = ("_desc_", "_requires_", "_disabled_", "_mode_", TARGET)


def build_network(config: BundleConfig, item_id: str) -> nn.Module:
    """The network of the component `item_id`, without weights.

    Only classes of `monai.networks.nets` are made. Raises BadModel, which names another class, or
    an argument that is wrong.
    """
    component = Component(config, item_id)
    network = _built(config.value(item_id), item_id)
    if not isinstance(network, nn.Module):
        raise component.refusal()
    return network


def read_arrays(files: BundleFiles, path: str) -> Any:
    """What `torch.load` reads of a file of the bundle, such as the codes of a searched
    architecture: tensors, arrays and plain values. Raises BadModel."""
    file = files.weights(path)
    if file is None:
        raise damaged(f"The bundle has no {path}, which its configuration loads.")
    return load_checkpoint(file, safe=NUMPY)


def _built(value: Any, item_id: str) -> Any:
    if isinstance(value, list):
        return [_built(part, item_id) for part in value]
    if isinstance(value, TensorOf):
        return torch.from_numpy(value.array)
    if isinstance(value, Symbol) and value == DEVICE:
        return "cpu"
    if not isinstance(value, Mapping):
        return value
    parts = {key: _built(part, item_id) for key, part in value.items() if key not in _DIRECTIVES}
    return _made(str(value[TARGET]), item_id, parts) if TARGET in value else parts


def _made(target: str, item_id: str, arguments: dict[str, Any]) -> Any:
    kind = _class(target, item_id)
    for name in _WITHOUT_EFFECT.get(kind.__name__, ()):
        arguments.pop(name, None)
    for name in inspect.signature(kind).parameters:
        if name.startswith("pretrained"):  # the bundle's own weights follow
            arguments.pop(name, None)
    if "pretrained" in inspect.signature(kind).parameters:
        arguments["pretrained"] = False  # else some classes download weights
    try:
        with redirect_stdout(io.StringIO()):  # some classes print
            return kind(**arguments)
    except Exception as error:
        raise BadModel(
            f"{target} ({item_id}) cannot be made with its arguments: "
            f"{(str(error).splitlines() or [''])[0]}",
            expected="Arguments of the installed release of MONAI, and the packages that it needs.",
            hint="Install the release of MONAI that configs/metadata.json names, or what is "
            "missing.",
        ) from error


def _class(target: str, item_id: str) -> type:
    module, _, name = target.rpartition(".")
    inside = not module or module == _MODULE or module.startswith(f"{_MODULE}.")
    kind = getattr(nets, name, None) if inside else None
    if not isinstance(kind, type) or not kind.__module__.startswith("monai.networks."):
        raise unsupported(
            f"The network {target} ({item_id})",
            f"A class of {_MODULE}. With --trust, also a class in the bundle's own scripts.",
        )
    return kind


def load_weights(network: nn.Module, path: Path, keys: tuple[str, ...]) -> None:
    """Gives the network all of its weights. `keys`: names under which a checkpoint may hold them.

    Raises BadModel where the file does not have exactly the network's weights.
    """
    state = load_checkpoint(path)
    for key in keys:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if not isinstance(state, Mapping) or not all(isinstance(one, Tensor) for one in state.values()):
        raise damaged(f"{path.name} of the bundle contains no state dict.")
    weights = {str(name).removeprefix("module."): value for name, value in state.items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        detail = lines[1] if len(lines) > 1 else lines[0]
        raise damaged(f"{path.name} does not fit the network: {detail[:200]}") from error


def load_torchscript(path: Path) -> nn.Module:
    """The network of a TorchScript file, whose code then runs: with --trust only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wants no new files of this kind
            network: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            )
    except (RuntimeError, ValueError, OSError) as error:
        raise damaged(f"{path.name} of the bundle is no TorchScript file.") from error
    return network


class ChosenOutputs(nn.Module):
    """A network of which some outputs are used, in another order."""

    def __init__(self, network: nn.Module, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("outputs", torch.tensor(outputs))

    def forward(self, image: Tensor) -> Tensor:
        """(n, channels, *spatial) -> (n, chosen outputs, *spatial)"""
        logits: Tensor = self.network(image)
        return torch.index_select(logits, 1, self.get_buffer("outputs"))
