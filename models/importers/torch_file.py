"""Reads weights from torch's own files, without running code in them."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imaging.errors import BadModel

_WRAPPERS = ("state_dict", "model_state_dict", "network_weights", "model")


def load_checkpoint(path: Path) -> Any:
    """The content of a checkpoint, on the CPU; raises BadModel where only code could read it."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise BadModel(
            f"{path.name} cannot be read as a file of weights.",
            expected="A safetensors file, or a checkpoint of torch that holds only tensors and "
            "plain values. A checkpoint with other objects contains code, which is not run.",
            hint="Save the network's state_dict() again with torch.save.",
        ) from error


def read_state_dict(path: Path) -> dict[str, NDArray[np.float32]]:
    """The floating-point tensors of a state dict, or of a checkpoint that contains one."""
    content = load_checkpoint(path)
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    tensors = content.items() if isinstance(content, dict) else ()
    weights = {
        str(name): values.detach().to(torch.float32).numpy()
        for name, values in tensors
        if isinstance(values, torch.Tensor) and values.is_floating_point()
    }
    if not weights:
        raise BadModel(
            f"{path.name} contains no tensors by name.",
            expected="A state dict.",
            hint="Save the network's state_dict() with torch.save.",
        )
    return weights
