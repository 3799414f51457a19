"""An OpenVINO network in two: all but its last layer, and that layer.

With many classes the logits of a tile are far larger than the features that they are made from.
A last convolution of one voxel can be left for later, and made for a strip at a time.
"""

from typing import Any


def parted(network: Any) -> tuple[Any, Any | None]:
    """The network up to its last layer, and that layer; the whole and None where it stays whole.

    Parted where the last layer is a convolution over single voxels, maybe with a bias, that makes
    more outputs than it takes.
    """
    import openvino.opset13 as ops
    from openvino import Model, PartialShape
    from openvino.passes import ConstantFolding, Manager

    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(network)  # else the bias comes out of a chain of shapes
    bias, node = None, network.outputs[0].get_node().input_value(0).get_node()
    if node.get_type_name() == "Add" and _constant(node, 1):
        bias, node = node.input_value(1).get_node(), node.input_value(0).get_node()
    if node.get_type_name() != "Convolution" or not _constant(node, 1):
        return network, None
    weights = node.input_value(1).get_node()
    made, taken, *kernel = weights.get_output_shape(0)
    told = node.get_attributes()
    plain = set(kernel) | set(told["strides"]) == {1}
    if not plain or any(told["pads_begin"]) or any(told["pads_end"]) or made <= taken:
        return network, None
    features = node.input_value(0)
    image = ops.parameter(PartialShape([-1, taken, *[-1] * len(kernel)]), features.element_type)
    logits = ops.convolution(
        image, weights, told["strides"], told["pads_begin"], told["pads_end"], told["dilations"]
    )
    logits = logits if bias is None else ops.add(logits, bias)
    return Model([features], network.get_parameters(), "body"), Model([logits], [image], "last")


def _constant(node: Any, port: int) -> bool:
    return bool(node.input_value(port).get_node().get_type_name() == "Constant")
