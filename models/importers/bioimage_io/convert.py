"""Converts a package of BioImage.IO into model.onnx and the fields of its card."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadModel
from models.importers.bioimage_io.card import (
    activation_of,
    channel_fields,
    is_rgb,
    label_names,
    placement,
    preparation_fields,
)
from models.importers.bioimage_io.description import Description, TensorDescription, Weights
from models.importers.bioimage_io.frame import Frame
from models.importers.bioimage_io.network import chosen_weights, write_network
from models.importers.bioimage_io.options import BioimageOptions
from models.importers.bioimage_io.own_test import TestTensors, check_test, read_test_tensors
from models.importers.bioimage_io.postprocessing import Outputs, read_postprocessing
from models.importers.bioimage_io.preprocessing import read_preprocessing
from models.importers.bioimage_io.read import read_description
from models.importers.bioimage_io.refusals import damaged, unsupported
from models.importers.bioimage_io.source_files import PackageFiles, package_files
from models.importers.importer import ImportedModel, Report
from models.importers.names import model_name
from models.importers.stated_card import Activation, label_fields
from models.onnx_graph.derive import derive
from models.onnx_graph.network_file import read_network

_HALF = 0.5
_SIZES = {2: (128, 128), 3: (64, 64, 64)}
"""A size of images for a package without test tensors."""


def convert(source: Path, options: BioimageOptions, draft: Path, report: Report) -> ImportedModel:
    """Writes draft/model.onnx and returns its card; raises BadModel and BadRequest."""
    with TemporaryDirectory(prefix="tessera-bioimage-") as folder:
        files = package_files(source, Path(folder))
        description = read_description(files)
        weights = chosen_weights(description, options)
        frame = Frame.of(description.input, description.output)
        tensors = read_test_tensors(files, description, frame)
        package = _Package(files, description, weights, frame, tensors)
        return _converted(package, options, draft / "model.onnx", report)


@dataclass(frozen=True, slots=True)
class _Package:
    files: PackageFiles
    description: Description
    weights: Weights
    frame: Frame
    tensors: TestTensors | None

    @property
    def ends(self) -> tuple[int, int]:
        """Input and output channels."""
        described = (self.description.input, self.description.output)
        arrays = (None, None) if self.tensors is None else (self.tensors.input, self.tensors.output)
        return _channels(described[0], arrays[0]), _channels(described[1], arrays[1])

    @property
    def size(self) -> tuple[int, ...]:
        """A legal size of an image."""
        if self.tensors is not None:
            return self.tensors.input.shape[2:]
        return _SIZES[len(self.frame.spaces)]


def _channels(tensor: TensorDescription, test: NDArray[Any] | None) -> int:
    stated = tensor.only("channel").size if test is None else test.shape[1]
    if stated is None:
        raise damaged(f"The description does not state how many channels {tensor.name} has.")
    return stated


def _converted(
    package: _Package, options: BioimageOptions, file: Path, report: Report
) -> ImportedModel:
    description, (inputs, outputs) = package.description, package.ends
    names = options.channels or description.input.only("channel").names
    rgb = is_rgb(names, inputs, len(package.frame.spaces), options)
    before = read_preprocessing(description.input, rgb=rgb, channels=inputs)
    after = read_postprocessing(description.output)
    activation = activation_of(after, outputs, options)
    labels, named = label_names(description, outputs, activation, options)
    place, resampling, placed = placement(description, package.frame, options)
    offsets, decided = _offsets(after, activation, outputs, package.tensors)
    card = {
        **description.texts,
        "name": model_name(description.texts["title"]),
        "dimension": len(package.frame.spaces),
        "channels": channel_fields(description, inputs, rgb=rgb, options=options),
        **label_fields(labels, activation),
        **place,
        **preparation_fields(resampling, before),
    }
    report(f"Converting the weights {package.weights.format} ...")
    write_network(
        package.files, package.weights, package.frame, offsets, (inputs, package.size), file
    )
    _check_sizes(description, file)
    assumed = [*before.assumptions, *named, *placed, *decided, *_edges(description)]
    tolerance = description.tolerances[package.weights.format]
    if package.tensors is None:
        assumed.append("the import is right: the package has no test tensors to compare with.")
    else:
        report("Comparing with the package's own test tensors ...")
        check_test(file, card, package.tensors, after, offsets, tolerance)
    return ImportedModel(card, tuple(assumed))


def _offsets(
    outputs: Outputs, activation: Activation, count: int, tensors: TestTensors | None
) -> tuple[NDArray[np.float32], list[str]]:
    """What is subtracted from each output, so that a region is where the result is above 0."""
    values, assumed = np.zeros(count, np.float32), []
    if outputs.kind == "regions":
        if len(outputs.thresholds) not in (1, count):
            raise damaged(f"binarize has {len(outputs.thresholds)} thresholds for {count} outputs.")
        values[:] = outputs.thresholds
    elif activation == "sigmoid":
        stated = outputs.kind == "sigmoid"
        if not stated and tensors is not None:
            stated = bool(tensors.output.min() >= 0 and tensors.output.max() <= 1)
            values[:] = _HALF * stated
        meaning = "a probability, above 0.5" if stated else "a logit, above 0"
        assumed.append(f"a voxel is in a region where its output is {meaning}.")
    if activation == "sigmoid" and count > 1:
        assumed.append("where regions overlap, the later one is painted over the earlier one.")
    return values, assumed


def _check_sizes(description: Description, file: Path) -> None:
    """Raises BadModel where the network runs at one size alone and tiles would change the mask."""
    sizes = [axis.size for axis in description.input.spaces]
    if None in sizes:
        return
    try:
        exact = derive(read_network(file)).exact
    except BadModel:
        exact = False
    if not exact:
        stated = " x ".join(map(str, sizes))
        raise unsupported(
            f"The network runs on images of {stated} voxels alone, and what it finds in one part "
            "of an image depends on the others. The package does not say how larger scans are cut "
            "and joined.",
            "A network with local layers, or one that takes images of other sizes.",
        )


def _edges(description: Description) -> list[str]:
    halo = max(axis.halo for axis in description.output.axes)
    if not halo:
        return []
    text = (
        f"the network reads scans as they are: bioimageio.core mirrors a margin of {halo} voxels "
        "around them, so that labels near the edge may differ."
    )
    return [text]
