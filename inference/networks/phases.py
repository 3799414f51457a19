"""Computes convolutions with large dilations in phases, for processors on which that is faster.

A convolution whose taps are d voxels apart never mixes voxels of different positions modulo d. So
an image is dealt out to d images per axis, one for each phase, which form a batch; an ordinary
convolution runs on them; and the results are put back:

    0 1 2 3 4 5 6   --d = 2-->   0 2 4 6      conv      a c e g
                                 1 3 5 (0)  ------->    b d f (-)   -->   a b c d e f g

Zeros fill up the last voxel of a phase, as the convolution's own padding does, and what is computed
there is cut off. The logits are the same but for rounding, for every size.

OpenVINO's kernel for bf16 (AMX) computes dilations of 8 and more 4 to 20 times slower than others
(benchmarks/dilated.py); its kernels for fp32 do not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_DILATION = 8
"""Smaller dilations are as fast as none."""


def in_phases(network: Any, least: int = LEAST_DILATION) -> Any:
    """The OpenVINO network with its convolutions of dilation `least` and more in phases.

    `network` itself is unchanged. It is returned where it has no such convolution.
    """
    if not any(_is_suitable(node, least) for node in network.get_ordered_ops()):
        return network
    copy = network.clone()
    for node in copy.get_ordered_ops():
        if _is_suitable(node, least):
            node.output(0).replace(_phased(node).output(0))
    copy.validate_nodes_and_infer_types()
    return copy


def _is_suitable(node: Any, least: int) -> bool:
    """A convolution of stride 1 with padding that every phase can have."""
    if node.get_type_name() != "Convolution":
        return False
    attributes = node.get_attributes()
    dilations = attributes["dilations"]
    pads = (*attributes["pads_begin"], *attributes["pads_end"])
    return (
        max(dilations) >= least
        and set(attributes["strides"]) == {1}
        and attributes["auto_pad"] == "explicit"
        and not any(pad % d for pad, d in zip(pads, (*dilations, *dilations), strict=True))
    )


def _phased(node: Any) -> Any:
    import openvino.opset13 as ops

    image, weights, attributes = node.input_value(0), node.input_value(1), node.get_attributes()
    apart = attributes["dilations"]
    pads = [
        [pad // d for pad, d in zip(attributes[end], apart, strict=True)]
        for end in ("pads_begin", "pads_end")
    ]
    phases = np.array([1, 1, *apart], np.int64)
    none, missing = np.zeros(len(phases), np.int64), _missing(image, phases)
    dealt = ops.space_to_batch(image, phases, none, missing)
    ones = [1] * len(apart)
    convolved = ops.convolution(dealt, weights, ones, *pads, ones)
    return ops.batch_to_space(convolved, phases, none, missing)


def _missing(image: Any, phases: NDArray[np.int64]) -> Any:
    """Voxels per axis that the image lacks to be a multiple of `phases`."""
    import openvino.opset13 as ops

    size = ops.shape_of(image, output_type="i64")
    return ops.floor_mod(ops.negative(size), ops.constant(phases))
