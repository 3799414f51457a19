"""Computes the statistics of instance norm in two steps, for large images in fp32.

OpenVINO's kernel adds up all voxels of a channel in 32 bits. Of 128^3 voxels the mean and the
variance are then wrong in their fifth digit, and the logits of a network of twenty such layers in
their fourth. Adding rows first and then their sums, as here, loses almost nothing:

    sum of x  ->  sums over all axes but the first  ->  their sum

The logits are the same but for rounding.
"""

from typing import Any

import numpy as np

_LEAST_AXES = 2
"""Spatial axes of which one can be summed after the others."""


def with_precise_norm(network: Any) -> Any:
    """The OpenVINO network with its instance norms in two steps.

    `network` itself is unchanged. It is returned where it has no such layer.
    """
    if not any(_is_suitable(node) for node in network.get_ordered_ops()):
        return network
    copy = network.clone()
    for node in copy.get_ordered_ops():
        if _is_suitable(node):
            node.output(0).replace(_in_two_steps(node).output(0))
    copy.validate_nodes_and_infer_types()
    return copy


def _is_suitable(node: Any) -> bool:
    """A norm with variance over several axes, all of them constants."""
    if node.get_type_name() != "MVN" or not node.get_attributes()["normalize_variance"]:
        return False
    axes = node.input_value(1).get_node()
    return bool(axes.get_type_name() == "Constant" and axes.get_data().size >= _LEAST_AXES)


def _in_two_steps(node: Any) -> Any:
    import openvino.opset13 as ops

    image, attributes = node.input_value(0), node.get_attributes()
    first, *others = (int(axis) for axis in node.input_value(1).get_node().get_data())
    rows, columns = np.array(others, np.int64), np.array([first], np.int64)
    row_length, row_count = _count(image, rows), _count(image, columns)
    # a mean of means would be joined to one mean over all axes when the network is compiled
    means = ops.reduce_mean(image, rows, True)
    mean = ops.divide(ops.reduce_sum(means, columns, True), row_count)
    centred = ops.subtract(image, mean)
    lengths = ops.reduce_l2(centred, rows, True)  # the squares of all voxels are not stored
    squares = ops.reduce_sum(ops.multiply(lengths, lengths), columns, True)
    variance = ops.divide(ops.divide(squares, row_count), row_length)
    least = np.float32(attributes["eps"])
    if attributes["eps_mode"].lower() == "inside_sqrt":
        deviation = ops.sqrt(ops.add(variance, least))
    else:
        deviation = ops.add(ops.sqrt(variance), least)
    return ops.multiply(centred, ops.divide(np.float32(1), deviation))


def _count(image: Any, axes: Any) -> Any:
    """Voxels along the axes, as float32."""
    import openvino.opset13 as ops

    sizes = ops.gather(ops.shape_of(image, output_type="i64"), axes, np.int64(0))
    return ops.convert(ops.reduce_prod(sizes, np.int64(0), False), "f32")
