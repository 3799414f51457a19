"""Each operator in a small network: what is derived of it, and that the probe agrees.

The probe runs the network itself (`inference.networks.reach_probe`), so these are two results.
"""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from imaging.errors import BadModel
from inference.networks.reach_probe import proved
from models.onnx_graph.derive import derive
from models.onnx_graph.facts import GraphFacts
from models.onnx_graph.network_file import NetworkFile
from tests.support.onnx_files import network, node, value, weights

TWICE = np.array([1, 1, 2, 2], np.float32)
HALF = np.array([1, 1, 0.5, 0.5], np.float32)
W3, W1 = weights(1, 1, 3, 3), weights(1, 1, 1, 1)
POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}
UP = {"kernel_shape": [2, 2], "strides": [2, 2]}


def facts_of(model: onnx.ModelProto) -> GraphFacts:
    file = NetworkFile(model, model.graph.output[0].name)
    return proved(file, derive(file))


def pooled(*between: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Nodes from `low`, at half the resolution, to `high`."""
    return [node("MaxPool", "image", "low", **POOL), *between, node("Add", "image high", "logits")]


EXACT: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], tuple[int, int, int]]] = {
    "convolution": ([node("Conv", "image w", "logits", pads=[1] * 4)], {"w": W3}, (1, 1, 1)),
    "dilated": (
        [node("Conv", "image w", "logits", pads=[4] * 4, dilations=[4, 4])], {"w": W3}, (4, 1, 1),
    ),
    "all padding on one side": (
        [node("Conv", "image w", "logits", pads=[2, 2, 0, 0])], {"w": W3}, (2, 1, 1),
    ),
    "same upper": (
        [node("Conv", "image w", "logits", auto_pad="SAME_UPPER")], {"w": weights(1, 1, 4, 4)},
        (2, 1, 1),
    ),
    "same lower": (
        [node("Conv", "image w", "logits", auto_pad="SAME_LOWER")], {"w": weights(1, 1, 4, 4)},
        (2, 1, 1),
    ),
    "strided, same upper": (
        pooled(
            node("Conv", "image w", "half", auto_pad="SAME_UPPER", strides=[2, 2]),
            node("Add", "half low", "both"),
            node("ConvTranspose", "both u", "high", **UP),
        ),
        {"w": W3, "u": weights(1, 1, 2, 2)}, (2, 2, 2),
    ),
    "transposed, wide": (
        pooled(node("ConvTranspose", "low u", "high", kernel_shape=[4, 4], strides=[2, 2],
                    pads=[1] * 4)),
        {"u": weights(1, 1, 4, 4)}, (2, 2, 2),
    ),
    "transposed, output padding": (
        pooled(node("ConvTranspose", "low u", "high", kernel_shape=[3, 3], strides=[2, 2],
                    pads=[1] * 4, output_padding=[1, 1])),
        {"u": W3}, (2, 2, 2),
    ),
    "transposed, same": (
        pooled(node("ConvTranspose", "low u", "high", strides=[2, 2], auto_pad="SAME_UPPER")),
        {"u": W3}, (2, 2, 2),
    ),
    "transposed, dilated": (
        pooled(node("ConvTranspose", "low u", "high", strides=[2, 2], dilations=[3, 3],
                    pads=[1] * 4)),
        {"u": weights(1, 1, 2, 2)}, (2, 2, 2),
    ),
    "nearest": (
        pooled(node("Resize", "low - s", "high", mode="nearest")), {"s": TWICE}, (1, 2, 2),
    ),
    "linear": (pooled(node("Resize", "low - s", "high", mode="linear")), {"s": TWICE}, (2, 2, 2)),
    "cubic": (pooled(node("Resize", "low - s", "high", mode="cubic")), {"s": TWICE}, (4, 2, 2)),
    "linear, asymmetric": (
        pooled(node("Resize", "low - s", "high", mode="linear",
                    coordinate_transformation_mode="asymmetric")),
        {"s": TWICE}, (2, 2, 2),
    ),
    "linear by 3, whose middle voxel has one weight of 0": (
        [
            node("MaxPool", "image", "low", kernel_shape=[3, 3], strides=[3, 3]),
            node("Resize", "low - s", "high", mode="linear"),
            node("Add", "image high", "logits"),
        ],
        {"s": np.array([1, 1, 3, 3], np.float32)}, (3, 3, 3),
    ),
    "resized down and up": (
        [
            node("Resize", "image - h", "low", mode="linear"),
            node("Resize", "low - t", "logits", mode="linear"),
        ],
        {"h": HALF, "t": TWICE}, (2, 2, 2),
    ),
    "one axis alone": (
        [
            node("MaxPool", "image", "low", kernel_shape=[2, 1], strides=[2, 1]),
            node("Resize", "low - s", "high", mode="linear"),
            node("Add", "image high", "logits"),
        ],
        {"s": np.array([1, 1, 2, 1], np.float32)}, (2, 2, 2),
    ),
    "resized to the size of another, as exporters write it": (
        [
            node("MaxPool", "image", "low", **POOL),
            node("Shape", "image", "shape"),
            node("Slice", "shape two four", "spatial"),
            node("Shape", "low", "own"),
            node("Slice", "own zero two", "channels"),
            node("Concat", "channels spatial", "size", axis=0),
            node("Resize", "low - - size", "high", mode="linear"),
            node("Add", "image high", "logits"),
        ],
        {"zero": np.array([0]), "two": np.array([2]), "four": np.array([4])}, (2, 2, 2),
    ),
    "padded to a multiple of 4 and cropped again": (
        [
            node("Shape", "image", "shape"),
            node("Gather", "shape rows", "r"),
            node("Mod", "r four", "over"),
            node("Sub", "four over", "less"),
            node("Mod", "less four", "missing"),
            node("Concat", "zeros missing zero", "pads", axis=0),
            node("Pad", "image pads", "padded"),
            node("MaxPool", "padded", "low", kernel_shape=[4, 1], strides=[4, 1]),
            node("Resize", "low - s", "high", mode="nearest"),
            node("Slice", "high zero r two", "cropped"),
            node("Add", "image cropped", "logits"),
        ],
        {
            "rows": np.array([2]), "four": np.array([4]), "zero": np.array([0]),
            "two": np.array([2]), "zeros": np.zeros(6, np.int64),
            "s": np.array([1, 1, 4, 1], np.float32),
        },
        (3, 4, 4),
    ),
    "reflected padding": (
        [node("Pad", "image p", "padded", mode="reflect"), node("Conv", "padded w", "logits")],
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "w": W3}, (1, 1, 2),
    ),
    "padded more than needed, then cropped": (
        [
            node("Conv", "image w", "wide", pads=[3] * 4),
            node("Slice", "wide a b axes", "logits"),
        ],
        {"w": W3, "a": np.array([2, 2]), "b": np.array([-2, -2]), "axes": np.array([2, 3])},
        (1, 1, 1),
    ),
    "cropped, then padded: the edge is farther than what is read": (
        [
            node("Slice", "image a b axes", "small"),
            node("Conv", "small w", "logits", pads=[1, 1, 5, 5]),
        ],
        {"w": W3, "a": np.array([0, 0]), "b": np.array([-4, -4]), "axes": np.array([2, 3])},
        (5, 1, 5),
    ),
    "depth to space": (
        [
            node("Conv", "image w", "deep", strides=[2, 2]),
            node("DepthToSpace", "deep", "logits", blocksize=2),
        ],
        {"w": weights(4, 1, 2, 2)}, (1, 2, 2),
    ),
    "space to depth": (
        [
            node("SpaceToDepth", "image", "deep", blocksize=2),
            node("Conv", "deep w", "mixed"),
            node("DepthToSpace", "mixed", "logits", blocksize=2),
        ],
        {"w": weights(4, 4, 1, 1)}, (1, 2, 2),
    ),
    "layer norm and a dense layer over the channels": (
        [
            node("Conv", "image w", "maps", pads=[1] * 4),
            node("Transpose", "maps", "last", perm=[0, 2, 3, 1]),
            node("LayerNormalization", "last g", "normal", axis=-1),
            node("MatMul", "normal m", "mixed"),
            node("Transpose", "mixed", "logits", perm=[0, 3, 1, 2]),
        ],
        {"w": weights(4, 1, 3, 3), "g": np.ones(4, np.float32), "m": weights(4, 2)}, (1, 1, 1),
    ),
    "channels shuffled": (
        [
            node("Conv", "image w", "maps", pads=[1] * 4),
            node("Shape", "maps", "shape"),
            node("Slice", "shape two four", "spatial"),
            node("Concat", "grouped spatial", "wanted", axis=0),
            node("Reshape", "maps wanted", "groups"),
            node("Transpose", "groups", "turned", perm=[0, 2, 1, 3, 4]),
            node("Reshape", "turned shape", "logits"),
        ],
        {
            "w": weights(4, 1, 3, 3), "two": np.array([2]), "four": np.array([4]),
            "grouped": np.array([1, 2, 2]),
        },
        (1, 1, 1),
    ),
    "softmax, a mean and a maximum over the channels": (
        [
            node("Conv", "image w", "maps", pads=[1] * 4),
            node("Softmax", "maps", "soft", axis=1),
            node("ReduceMean", "soft axis", "mean"),
            node("Mul", "maps mean", "logits"),
        ],
        {"w": weights(2, 1, 3, 3), "axis": np.array([1])}, (1, 1, 1),
    ),
    "halves of the channels": (
        [
            node("Conv", "image w", "maps", pads=[1] * 4),
            node("Split", "maps", "one other", axis=1, num_outputs=2),
            node("Mul", "one other", "logits"),
        ],
        {"w": weights(4, 1, 3, 3)}, (1, 1, 1),
    ),
    "chosen by a comparison": (
        [
            node("Conv", "image w", "near", pads=[1] * 4),
            node("Conv", "image v", "far", pads=[2] * 4),
            node("Greater", "far nothing", "positive"),
            node("Where", "positive near image", "logits"),
        ],
        {"w": W3, "v": weights(1, 1, 5, 5), "nothing": np.float32(0)}, (2, 1, 1),
    ),
    "pooled with padding, ceil": (
        [
            node("AveragePool", "image", "low", kernel_shape=[3, 3], strides=[2, 2],
                 pads=[1] * 4, ceil_mode=1),
            node("Resize", "low - s", "high", mode="nearest"),
            node("Slice", "high a b axes", "logits"),
        ],
        {
            "s": TWICE, "a": np.array([0, 0]), "b": np.array([-2, -2]), "axes": np.array([2, 3]),
        },
        (2, 2, 2),
    ),
    "quantised": (
        [
            node("QuantizeLinear", "image s z", "q"),
            node("DequantizeLinear", "q s z", "d"),
            node("DequantizeLinear", "w s z", "kernel"),
            node("Conv", "d kernel", "logits", pads=[1] * 4),
        ],
        {"s": np.float32(0.1), "z": np.int8(0), "w": np.ones((1, 1, 3, 3), np.int8)}, (1, 1, 1),
    ),
}  # fmt: skip
"""Nodes, constants, and the halo, align and minimum along the first axis."""


@pytest.mark.parametrize("name", EXACT)
def test_a_local_operator_is_derived_and_the_probe_agrees(name: str) -> None:
    nodes, constants, (halo, align, minimum) = EXACT[name]
    facts = facts_of(network(nodes, constants))
    assert (facts.exact, facts.reason) == (True, "")
    assert facts.tiling.padding == "same"
    measured = (facts.tiling.halo[0], facts.tiling.align[0], facts.tiling.minimum[0])
    assert measured == (halo, align, minimum)


SPATIAL = np.array([2, 3])
WHOLE: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], str]] = {
    "instance norm": (
        [node("InstanceNormalization", "image one one", "logits")],
        {"one": np.ones(1, np.float32)}, "InstanceNormalization .* statistics of the whole tile",
    ),
    "mean over the image": (
        [node("ReduceMean", "image axes", "mean"), node("Mul", "image mean", "logits")],
        {"axes": SPATIAL}, "ReduceMean .* whole tile",
    ),
    "global pool": (
        [node("GlobalAveragePool", "image", "mean"), node("Mul", "image mean", "logits")],
        {}, "GlobalAveragePool .* whole tile",
    ),
    "softmax over the rows": (
        [node("Softmax", "image", "logits", axis=2)], {}, "Softmax .* axes of the image",
    ),
    "attention": (
        [
            node("Transpose", "image", "turned", perm=[0, 1, 3, 2]),
            node("MatMul", "image turned", "scores"),
            node("MatMul", "scores image", "logits"),
        ],
        {}, "MatMul .* whole tile",
    ),
    "aligned corners": (
        pooled(node("Resize", "low - s", "high", mode="linear",
                    coordinate_transformation_mode="align_corners")),
        {"s": TWICE}, "Resize .* align_corners",
    ),
    "smoothed before sampling": (
        [
            node("Resize", "image - h", "low", mode="linear", antialias=1),
            node("Resize", "low - t", "logits", mode="linear"),
        ],
        {"h": HALF, "t": TWICE}, "antialias",
    ),
    "numbers its positions": (
        [
            node("Shape", "image", "columns", start=3),
            node("Squeeze", "columns", "count"),
            node("Range", "zero count one", "line"),
            node("Cast", "line", "place", to=1),
            node("Add", "image place", "logits"),
        ],
        {"zero": np.array(0), "one": np.array(1)}, "Range .* positions",
    ),
    "divides by its size": (
        [
            node("Shape", "image", "columns", start=3),
            node("Cast", "columns", "size", to=1),
            node("Div", "image size", "logits"),
        ],
        {}, "Div .* size of the whole tile",
    ),
    "multiplies by the logarithm of its size": (
        [
            node("Shape", "image", "columns", start=3),
            node("Cast", "columns", "size", to=1),
            node("Log", "size", "logarithm"),
            node("Mul", "image logarithm", "logits"),
        ],
        {}, "Log .* size of the whole tile",
    ),
    "adds a long constant times its size": (
        [
            node("Conv", "image w", "maps"),
            node("Shape", "image", "columns", start=3),
            node("Cast", "columns", "size", to=1),
            node("Mul", "many size", "product"),
            node("Add", "maps product", "logits"),
        ],
        {"w": weights(100, 1, 1, 1), "many": weights(100, 1, 1)}, "Mul .* size of the whole tile",
    ),
    "a convolution whose bias is its size": (
        [
            node("Shape", "image", "columns", start=3),
            node("Cast", "columns", "size", to=1),
            node("Conv", "image w size", "logits"),
        ],
        {"w": weights(1, 1, 1, 1)}, "Conv .* size of the whole tile",
    ),
    "wraps around": (
        [node("Pad", "image p", "padded", mode="wrap"), node("Conv", "padded w", "logits")],
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "w": W3}, "Pad .* wraps around",
    ),
    "a sum of all before": (
        [node("CumSum", "image two", "logits")], {"two": np.array(2)}, "CumSum .* be derived",
    ),
    "quantised by the values of the tile": (
        [
            node("DynamicQuantizeLinear", "image", "q s z"),
            node("DequantizeLinear", "q s z", "logits"),
        ],
        {}, "DynamicQuantizeLinear .* values of the whole tile",
    ),
    "pads although it is valid": (
        [node("Conv", "image w", "small", pads=[2] * 4), node("Slice", "small a b x", "logits")],
        {
            "w": weights(1, 1, 9, 9), "a": np.array([0]), "b": np.array([2**40]), "x": np.array([2])
        },
        "pad although the output is smaller",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_what_uses_the_whole_tile_is_not_exact_and_is_named(name: str) -> None:
    nodes, constants, reason = WHOLE[name]
    facts = facts_of(network(nodes, constants))
    assert not facts.exact
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(facts.reason)


UNUSABLE: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], str]] = {
    "half the resolution": (
        [node("MaxPool", "image", "logits", **POOL)], {}, "0.5 voxels for each voxel",
    ),
    "larger than the input": (
        [node("Conv", "image w", "logits", pads=[2] * 4)], {"w": W3}, "larger than its input by 2",
    ),
    "an odd margin": (
        [node("Conv", "image w", "logits")], {"w": weights(1, 1, 2, 2)}, "an odd number",
    ),
    "inputs of different sizes": (
        [node("Conv", "image w", "small"), node("Add", "small image", "logits")], {"w": W3},
        "inputs whose sizes differ",
    ),
    "axes turned": (
        [node("Transpose", "image", "logits", perm=[0, 1, 3, 2])], {}, "another order",
    ),
    "no axes left": (
        [node("GlobalAveragePool", "image", "logits")], {}, "fixed size 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_network_that_gives_no_mask_of_the_image_is_refused(name: str) -> None:
    nodes, constants, complaint = UNUSABLE[name]
    with pytest.raises(BadModel, match=complaint):
        facts_of(network(nodes, constants))


def test_an_unknown_operator_is_named() -> None:
    strange = helper.make_node("Swizzle", ["image"], ["logits"], "strange", domain="com.example")
    facts = facts_of(network([strange], {}))
    assert not facts.exact
    assert facts.tiling is None
    assert 'Swizzle "strange"' in facts.reason


def test_softmax_before_opset_13_runs_over_all_axes_that_follow() -> None:
    nodes = [node("Softmax", "image", "logits", axis=1)]
    assert facts_of(network(nodes, {}, opset=13)).exact
    assert "axes of the image" in facts_of(network(nodes, {}, opset=12)).reason


def test_only_layers_that_the_chosen_output_needs_count() -> None:
    nodes = [
        node("Conv", "image w", "logits", pads=[1] * 4),
        node("GlobalAveragePool", "image", "mean"),
    ]
    outputs = [value("logits", None), value("mean", None)]
    assert facts_of(network(nodes, {"w": W3}, outputs=outputs)).exact
