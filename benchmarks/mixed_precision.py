"""How similar a network's mask in bf16 is to fp32 if some of its layers stay in fp32.

    python -P -m benchmarks.mixed_precision MODEL [--crop 96]

Segments the middle of the model's sample, for networks without windows. Prints a row for each set
of convolutions in fp32: the lowest of the Dice of all labels and the fraction of equal voxels.
Needs OpenVINO and a processor that computes in bf16.
"""

import argparse
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino._offline_transformations import apply_moc_transformations

from imaging.box import Box
from inference.labels import labels_of
from inference.mask_similarity import compare_masks
from inference.network_input import network_input
from inference.networks.last_layer import with_fp32_logits
from inference.networks.phases import in_phases
from inference.sample_scans import sample_scans
from jobs.settings import Settings
from models.card import ModelCard
from models.registry import Model, Registry
from models.tile_rules import tile_rules

_KINDS = ("Convolution", "ConvolutionBackpropData")
_MARK = '<rt_info><attribute name="precise" version="0"/></rt_info>'
"""Keeps a layer in fp32. OpenVINO reads it from a file only: Python cannot set it."""
Image = NDArray[np.float32]


def main() -> None:
    """Prints the table of one model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--crop", type=int, default=96, help="voxels per axis")
    options = parser.parse_args()
    model = Registry(Settings().added_models).network(options.model)
    card = model.card.model_copy(update={"instances": None})
    image = middle(model, options.crop)
    exact = mask(compiled(_read(model), "f32"), image, card)
    layers = len(_convolutions(lowered(model)))
    print("| layers in fp32 | number of layers | similarity |\n|---|---|---|")
    for title, kept in sets(layers).items():
        network = compiled(with_layers_in_fp32(lowered(model), kept), "bf16")
        lowest = compare_masks(exact, mask(network, image, card), card).lowest
        print(f"| {title} | {len(kept)} of {layers} | {lowest:.4f} |", flush=True)


def sets(layers: int) -> Mapping[str, Collection[int]]:
    """Indices of the convolutions that stay in fp32."""
    every = set(range(layers))
    return {
        "none": (),
        "the first": {0},
        "the last": {layers - 1},
        "the first and the last": {0, layers - 1},
        "the first two and the last three": {0, 1, *range(layers - 3, layers)},
        "the second half": set(range(layers // 2, layers)),
        "all but the middle one": every - {layers // 2},
        "all": every,
    }


def middle(model: Model, side: int) -> Image:
    """The network's input (1, c, *spatial), of a legal size of up to about `side`."""
    subject = network_input(sample_scans(model), model.card)
    sizes = [
        max(rule.minimum, rule.minimum + (min(n, side) - rule.minimum) // rule.align * rule.align)
        for rule, n in zip(tile_rules(model.card), subject.grid, strict=True)
    ]
    start = tuple((n - size) // 2 for n, size in zip(subject.grid, sizes, strict=True))
    stop = tuple(a + size for a, size in zip(start, sizes, strict=True))
    return subject.read(Box(start, stop))[np.newaxis]


def lowered(model: Model) -> Any:
    """The network as Tessera runs it in bf16, its constants folded."""
    network = in_phases(with_fp32_logits(_read(model)))
    apply_moc_transformations(network, cf=True)  # else marks are lost when layers are joined
    return network


def with_layers_in_fp32(network: Any, kept: Collection[int]) -> Any:
    """The network whose convolutions of these indices are marked."""
    for number, node in enumerate(_convolutions(network)):
        node.set_friendly_name(f"{'kept' if number in kept else 'other'}-{number}-")
    with TemporaryDirectory() as folder:
        file, weights = Path(folder) / "network.xml", Path(folder) / "network.bin"
        openvino.serialize(network, file, weights)
        layer = re.compile(r'(<layer id="\d+" name="kept-\d+-"[^>]*>\s*<data [^>]*/>)')
        text, count = layer.subn(rf"\1{_MARK}", file.read_text("utf-8"))
        if count != len(kept):
            raise RuntimeError(f"{count} of {len(kept)} layers were marked.")
        return openvino.Core().read_model(text.encode(), weights.read_bytes())


def compiled(network: Any, precision: str) -> Any:
    """A network that is ready to run in `f32` or `bf16`."""
    return openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": precision})


def mask(network: Any, image: Image, card: ModelCard) -> NDArray[Any]:
    """The label of each voxel."""
    return labels_of(network(image)[0][0], card)


def _read(model: Model) -> Any:
    return openvino.Core().read_model(model.verified)


def _convolutions(network: Any) -> list[Any]:
    return [node for node in network.get_ordered_ops() if node.get_type_name() in _KINDS]


if __name__ == "__main__":
    main()
