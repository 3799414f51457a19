"""Reads weights from torch's own files, without running code in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imaging.errors import BadModel

_NAMED = 5
"""How many objects of a refused file a message names."""
_SCALAR: Any = np.float32(0).__reduce__()[0]
_RECONSTRUCT: Any = np.zeros(0).__reduce__()[0]
NUMPY: tuple[Any, ...] = (
    _SCALAR, (_SCALAR, "numpy.core.multiarray.scalar"),
    _RECONSTRUCT, (_RECONSTRUCT, "numpy.core.multiarray._reconstruct"), np.ndarray,
    np.dtype, *(type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"),
)  # fmt: skip
"""For `safe`: numbers and arrays of numpy, also under their names before numpy 2."""
_WRAPPERS = ("state_dict", "model_state_dict", "network_weights", "model")


def load_checkpoint(path: Path, name: str = "", safe: Sequence[Any] = ()) -> Any:
    """The content of a checkpoint, on the CPU; nothing in it is run.

    `name`: what messages call it; empty: the file's own name. `safe`: types that it may contain
    beside tensors and plain values. Raises BadModel, which lists what only code could read.
    """
    try:
        with torch.serialization.safe_globals([*safe]):
            return torch.load(path, weights_only=True, map_location="cpu")
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may raise anything
        code = _code_in(path, safe)
        more = f" and {len(code) - _NAMED} more" if len(code) > _NAMED else ""
        listed = ", ".join(code[:_NAMED]) + more
        reason = f"contains objects that only code can read: {listed}" if code else ""
        raise BadModel(
            f"{name or path.name} {reason or 'cannot be read as a file of weights'}.",
            expected="A complete checkpoint of torch with tensors and plain values. Code in it is "
            "not run.",
            hint="Copy the file again. If it contains other objects, load it where it was made, "
            "and save only the network's state_dict().",
        ) from error


def _code_in(path: Path, safe: Sequence[Any]) -> list[str]:
    """Names of classes and functions that the file would import; nothing is run."""
    try:
        with torch.serialization.safe_globals([*safe]):
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # noqa: BLE001 a damaged file may raise anything
        return []


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
