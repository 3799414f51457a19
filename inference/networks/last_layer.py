"""Splits an OpenVINO network into all layers but the last, and the last.

With many classes the logits of a tile are far larger than the features that they are computed from.
A last convolution over single voxels can run later, on one strip of a tile at a time.
"""

from typing import Any

import numpy as np


def split_last_layer(network: Any) -> tuple[Any, Any | None]:
    """The network up to its last layer, and that layer; the network and None where it is not split.

    It is split where the last layer is a convolution over single voxels, with or without a bias,
    that has more output channels than input channels.
    """
    import openvino.opset13 as ops
    from openvino import Model, PartialShape
    from openvino.passes import ConstantFolding, Manager

    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(network)  # else the bias is computed by a chain of shape operations
    bias, node = None, network.outputs[0].get_node().input_value(0).get_node()
    if node.get_type_name() == "Add" and _constant(node, 1):
        bias, node = node.input_value(1).get_node(), node.input_value(0).get_node()
    if node.get_type_name() != "Convolution" or not _constant(node, 1):
        return network, None
    weights = node.input_value(1).get_node()
    out_channels, in_channels, *kernel = weights.get_output_shape(0)
    attributes = node.get_attributes()
    strides, pads = attributes["strides"], (attributes["pads_begin"], attributes["pads_end"])
    single_voxel = set(kernel) | set(strides) == {1} and not any(map(any, pads))
    if not single_voxel or out_channels <= in_channels:
        return network, None
    features = node.input_value(0)
    shape = PartialShape([-1, in_channels, *[-1] * len(kernel)])
    image = ops.parameter(shape, features.element_type)
    logits = ops.convolution(image, weights, strides, *pads, attributes["dilations"])
    logits = logits if bias is None else ops.add(logits, bias)
    return Model([features], network.get_parameters(), "body"), Model([logits], [image], "last")


def with_fp32_logits(network: Any) -> Any:
    """The network, whose logits stay in fp32 where its layers compute in bf16.

    OpenVINO rounds the output of a last convolution to bf16. The two best logits of many voxels
    are then equal, and all of these get the first of the two labels. A step after the convolution
    is computed in fp32, together with it: this one changes nothing.
    """
    import openvino.opset13 as ops

    result = network.outputs[0].get_node()
    limit = float(np.finfo(np.float32).max)
    clamped = ops.clamp(result.input_value(0), -limit, limit)
    result.input(0).replace_source_output(clamped.output(0))
    return network


def _constant(node: Any, port: int) -> bool:
    return bool(node.input_value(port).get_node().get_type_name() == "Constant")
