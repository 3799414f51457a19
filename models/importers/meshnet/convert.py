"""Converts a MeshNet's folder into model.onnx and the fields of its card."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from imaging.errors import BadRequest
from models.importers.importer import ImportedModel, Report
from models.importers.json_file import json_or_none, read_json
from models.importers.licence import licence_beside
from models.importers.meshnet.label_table import numbered_labels, read_labels
from models.importers.meshnet.layers import Layers, convolutions
from models.importers.meshnet.onnx_export import write_onnx
from models.importers.meshnet.options import INTENSITIES, MeshNetOptions
from models.importers.meshnet.refusals import damaged
from models.importers.meshnet.tfjs import is_layers_model, read_tfjs
from models.importers.meshnet.torch_folder import is_layer_list, read_torch_folder
from models.importers.names import model_name

_WEIGHTS = ("model.pth", "model.safetensors", "model.bin")


def recognises(source: Path) -> bool:
    """Whether `source` is a folder of brainchop, or the model.json in it."""
    description = json_or_none(_folder(source) / "model.json")
    return is_layers_model(description) or is_layer_list(description)


def convert(source: Path, options: MeshNetOptions, draft: Path, report: Report) -> ImportedModel:
    """Writes draft/model.onnx and returns its card; raises BadModel."""
    folder = _folder(source)
    description = read_json(folder / "model.json")
    layers = _read(description, folder)
    chain = convolutions(layers)
    if not chain or len(chain[-1].weight) < 2:
        raise damaged("The network has fewer than two outputs.")
    report(f"Converting {len(chain)} convolutions, {_parameters(layers):,} weights ...")
    write_onnx(layers, draft / "model.onnx")
    return _card(description, folder, layers, options)


def _folder(source: Path) -> Path:
    return source.parent if source.name == "model.json" else source


def _read(description: Any, folder: Path) -> Layers:
    if is_layers_model(description):
        return read_tfjs(description, folder)
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return read_torch_folder(description, folder / name)
    raise damaged("The folder has no model.pth with the weights of its model.json.")


def _card(
    description: Mapping[str, Any], folder: Path, layers: Layers, options: MeshNetOptions
) -> ImportedModel:
    chain = convolutions(layers)
    channels, outputs = chain[0].weight.shape[1], len(chain[-1].weight)
    if channels != 1:
        raise BadRequest(
            f"The network reads {channels} channels.",
            expected="A network that reads one T1 scan.",
            hint="Export it to ONNX and add it with `tessera models add`.",
        )
    labels, intensity = read_labels(folder, outputs), INTENSITIES[options.intensity]
    stated = folder.resolve().name
    card = {
        "name": model_name(stated),
        "title": str(description.get("header") or f"MeshNet {stated}"),
        "description": f"A MeshNet of brainchop with {outputs - 1} labels.",
        "channels": [{"name": "t1", "description": "T1-weighted MRI of the whole head."}],
        "labels": labels or numbered_labels(outputs),
        "outputs": list(range(outputs)),
        "dimension": 3,
        "orientation": options.orientation,
        "spacing_mm": [1.0, 1.0, 1.0],
        "intensity": intensity.card,
        "sample": {"kind": "package", "image": "nilearn:mni152-t1"},
        "multiply_adds_per_voxel": float(sum(prod(layer.weight.shape) for layer in chain)),
    }
    licence = licence_beside(folder)
    card |= {"licence": licence} if licence else {}
    assumed = [
        f"voxel values are normalised as brainchop does: {intensity.text}.",
        f"the network was trained on volumes of 1 mm whose axes grow to {options.orientation}.",
    ]
    if labels is None:
        assumed.append("labels have no names, because the source has no colormap.json.")
    return ImportedModel(card, tuple(assumed))


def _parameters(layers: Layers) -> int:
    return sum(layer.weight.size + layer.bias.size for layer in convolutions(layers))
