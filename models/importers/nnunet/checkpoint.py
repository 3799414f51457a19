"""Reads nnU-Net's checkpoints without running code in them.

Beside tensors and plain values they contain numpy scalars (losses), which are data too. Whatever
else a file names is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from models.importers.nnunet.refusals import damaged
from models.importers.torch_file import NUMPY, load_checkpoint


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What inference needs of a checkpoint."""

    name: str
    """Its path in the source, for messages."""
    weights: Mapping[str, Tensor]
    trainer: str
    configuration: str
    mirror_axes: tuple[int, ...]
    """Axes of the network along which nnU-Net mirrors windows; empty: none."""


def read_checkpoint(path: Path, name: str) -> Checkpoint:
    """The checkpoint `path`, called `name` in messages; raises BadModel."""
    content = load_checkpoint(path, name, NUMPY)
    try:
        weights = {str(key): value for key, value in content["network_weights"].items()}
        axes = content.get("inference_allowed_mirroring_axes") or ()
        checkpoint = Checkpoint(
            name,
            {key.removeprefix("module."): value for key, value in weights.items()},
            str(content["trainer_name"]),
            str(content["init_args"]["configuration"]),
            tuple(int(axis) for axis in axes),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(f"{name} is not a checkpoint of nnU-Net v2: it lacks {error}.") from error
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise damaged(f"{name} contains no weights.")
    return checkpoint
