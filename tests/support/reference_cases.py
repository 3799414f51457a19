"""Models with a reference case, whose mask ONNX Runtime makes of the whole scan by itself."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from imaging.scan import in_memory
from models.card import ModelCard
from models.given_case import GivenCase, with_case
from models.registry import Model


def smooth_noise(side: int, seed: int = 3) -> NDArray[np.float32]:
    """(side, side, side), in regions of 4 voxels."""
    rough = np.random.default_rng(seed).standard_normal((side // 4,) * 3).astype(np.float32)
    return rough.repeat(4, 0).repeat(4, 1).repeat(4, 2)


def one_pass(network: Path, values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The label of the highest output for a scan that is not normalised."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": values[np.newaxis, np.newaxis]})
    return np.asarray(logits[0].argmax(0), np.uint8)


def add_reference(
    folder: Path, values: NDArray[np.float32], mask: NDArray[Any], **fields: Any
) -> Model:
    """Adds the case to the model in `folder`; `fields` of its card are changed as well."""
    card = json.loads((folder / "card.json").read_bytes()) | fields
    scans = {"": in_memory(values[np.newaxis], (1.0, 1.0, 1.0))}
    case = GivenCase(scans, in_memory(mask[np.newaxis], (1.0, 1.0, 1.0)))
    (folder / "card.json").write_text(json.dumps(with_case(card, case, folder)))
    return Model(ModelCard.load(folder / "card.json"), folder)


def nifti(values: NDArray[Any]) -> bytes:
    """The values as NIfTI, with voxels of 1 mm."""
    return nibabel.Nifti1Image(values, np.eye(4)).to_bytes()
