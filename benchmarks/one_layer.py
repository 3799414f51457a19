"""A network of one layer with its card, for scans larger than memory."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from imaging.postprocessing.fill_holes import FillHoles
from imaging.postprocessing.largest_component import LargestComponent
from models.card import ModelCard
from models.card_parts import Channel, Instances, Intensity, Label

SPOT = Label(value=1, name="spot", color="#e31a1c")
RIM = Label(value=2, name="rim", color="#1f78b4")


def write_model(folder: Path, dimension: int) -> None:
    """Writes model.onnx and card.json; the folder's name is the model's.

    The mean of 3 voxels per axis decides background, rim and centre. In 2D objects are numbered; in
    3D the largest component is kept and holes are filled.
    """
    network = onnx_file(folder.name, dimension)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(network)
    card(folder.name, dimension, sha256(network).hexdigest()).save(folder / "card.json")


def onnx_file(name: str, dimension: int) -> bytes:
    """One convolution with three outputs."""
    kernel = np.ones((3, 1, *(3,) * dimension), np.float32) / 3**dimension
    kernel *= np.array([0.0, 4.0, 1.0], np.float32).reshape(-1, *(1,) * (dimension + 1))
    bias = np.array([0.0, -2.7, -0.54], np.float32)
    shape = ["n", 1, *"ijk"[:dimension]]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["logits"], pads=[1] * 2 * dimension)],
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], 3, *shape[2:]])],
        [numpy_helper.from_array(kernel, "w"), numpy_helper.from_array(bias, "b")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(network.SerializeToString())


def card(name: str, dimension: int, sha256: str) -> ModelCard:
    """The card of the network in 2D or 3D."""
    flat = dimension == 2
    steps = (
        LargestComponent(step="largest_component", labels=(1,)),
        FillHoles(step="fill_holes", labels=(2,)),
    )
    return ModelCard(
        name=name,
        version="1",
        title="One layer, for benchmarks",
        dimension=dimension,
        channels=(Channel(name="image"),),
        labels=(SPOT,) if flat else (SPOT, RIM),
        outputs=(0, 1, 1) if flat else (0, 1, 2),
        instances=Instances(seed=1, rim=2, min_voxels=4) if flat else None,
        postprocessing=() if flat else steps,
        intensity=Intensity(kind="percentile", lower=0.0, upper=100.0),
        padding="same",
        halo=(1,) * dimension,
        align=(1,) * dimension,
        minimum=(1,) * dimension,
        exact=True,
        bytes_per_voxel=32.0,
        licence="Apache-2.0",
        sha256=sha256,
    )
