"""Computes the statistics of instance norm and group norm in two steps, for large images in fp32.

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
_GROUPED = 3
"""Axes of an image whose channels are in groups for group norm: n, group, voxel."""


def with_precise_norm(network: Any) -> Any:
    """The OpenVINO network with its instance norms and group norms in two steps.

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
    """A norm with variance over several constant axes, or over all voxels of a group."""
    if node.get_type_name() != "MVN" or not node.get_attributes()["normalize_variance"]:
        return False
    axes = node.input_value(1).get_node()
    if axes.get_type_name() != "Constant":
        return False
    return bool(axes.get_data().size >= _LEAST_AXES or _is_group_norm(node))


def _is_group_norm(node: Any) -> bool:
    """Whether it normalises (n, groups, voxels of a group), reshaped from an image."""
    image = node.input_value(0)
    shaped = image.get_node()
    return bool(
        image.get_partial_shape().rank == _GROUPED
        and shaped.get_type_name() == "Reshape"
        and shaped.input_value(0).get_partial_shape().rank.is_static
        and shaped.input_value(0).get_partial_shape().rank.get_length() > _GROUPED
    )


def _in_two_steps(node: Any) -> Any:
    import openvino.opset13 as ops

    image, attributes = node.input_value(0), node.get_attributes()
    axes = [int(axis) for axis in node.input_value(1).get_node().get_data()]
    if len(axes) >= _LEAST_AXES:
        return _normalised(image, axes, attributes)
    normalised = _normalised(_in_lines(image), [2, 3], attributes)
    return ops.reshape(normalised, ops.shape_of(image, output_type="i64"), False)


def _in_lines(grouped: Any) -> Any:
    """(n, groups, voxels) -> (n, groups, lines, voxels of a line of the image)."""
    import openvino.opset13 as ops

    size = ops.shape_of(grouped.get_node().input_value(0), output_type="i64")
    line = ops.gather(size, np.array([-1], np.int64), np.int64(0))
    shape = ops.concat([np.array([0, 0, -1], np.int64), line], 0)
    return ops.reshape(grouped, shape, True)


def _normalised(image: Any, axes: list[int], attributes: dict[str, Any]) -> Any:
    """The image without mean and with a variance of 1 over the axes."""
    import openvino.opset13 as ops

    rows, columns = np.array(axes[1:], np.int64), np.array(axes[:1], np.int64)
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
