"""Measures which input voxels an output reads, on the network itself, and compares it with what was
derived from its graph.

The probe is a copy of the network in which every tap counts (`models.onnx_graph.probe_graph`). One
axis at a time, a slab of one voxel is set to 1: every output that reads it becomes 1. The slab is
placed at every position relative to align, so that every phase is measured.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.networks.runtime_words import runtime_words
from models.onnx_graph.derive import reach
from models.onnx_graph.facts import GraphFacts, Tiling
from models.onnx_graph.network_file import NetworkFile
from models.onnx_graph.node import NotDerivable
from models.onnx_graph.probe_graph import probes_of
from models.onnx_graph.windows import at


def proved(network: NetworkFile, facts: GraphFacts) -> GraphFacts:
    """The facts; not exact where the probe reads other voxels than those that were derived."""
    if not facts.exact or facts.tiling is None:
        return facts
    problem = ""
    try:
        for probe in probes_of(network, facts.tiling):
            problem = _problem(probe, facts.tiling)
            if not problem:
                break
    except NotDerivable as error:
        problem = problem or str(error)
    return replace(facts, exact=not problem, reason=problem)


def _problem(probe: bytes, tiling: Tiling) -> str:
    try:
        return disagreement(probe, tiling)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own errors have no common class
        return f"The network cannot be probed: {runtime_words(error)}"


@lru_cache(maxsize=4)
def disagreement(probe: bytes, tiling: Tiling) -> str:
    """What the probe reads otherwise than derived, in one sentence; empty if nothing.

    The last results are kept: a network is probed for its card, and again when it is verified.
    """
    session = _session(probe)
    for axis in range(len(tiling.align)):
        problem = _along(session, tiling, axis, tiling.minimum)
        if problem:  # across so few voxels a dilated kernel may have no tap inside the image
            large = [_legal(tiling, a, 2 * halo + 1) for a, halo in enumerate(tiling.halo)]
            problem = _along(session, tiling, axis, large)
        if problem:
            return problem
    return ""


def _along(session: ort.InferenceSession, tiling: Tiling, axis: int, across: Sequence[int]) -> str:
    align, windows = tiling.align[axis], tiling.reads[axis]
    lost = 2 * tiling.halo[axis] if tiling.padding == "valid" else 0
    start = -(-(reach(windows) + lost + 1) // align) * align
    length = _legal(tiling, axis, 2 * start + align)
    shape = [length if a == axis else n for a, n in enumerate(across)]
    spans = [at(windows, p, align) for p in range(length - lost)]
    for place in range(start, start + align):
        read = _reached(session, shape, axis, place)
        if len(read) != len(spans):
            return f"An input of {length} voxels has an output of {len(read)}"
        for position, (span, is_read) in enumerate(zip(spans, read, strict=True)):
            end, inside = place in (span.first, span.last), span.first <= place <= span.last
            if (end and not is_read) or (is_read and not inside):
                verb = "reads" if is_read else "does not read"
                return (
                    f"Along axis {axis + 1}, output {position} reads from {span.first} to "
                    f"{span.last} as derived; the network {verb} {place}"
                )
    return ""


def _reached(
    session: ort.InferenceSession, shape: Sequence[int], axis: int, place: int
) -> NDArray[np.bool_]:
    """For each output position along the axis, whether it reads the input position `place`."""
    (port,) = session.get_inputs()
    image = np.zeros((1, port.shape[1], *shape), np.float32)
    image.swapaxes(2, axis + 2)[:, :, place] = 1
    (output,) = session.run(None, {port.name: image})
    others = tuple(a for a in range(output.ndim) if a != axis + 2)
    return np.asarray((output != 0).any(others))


def _legal(tiling: Tiling, axis: int, at_least: int) -> int:
    steps = max(0, -(-(at_least - tiling.minimum[axis]) // tiling.align[axis]))
    return tiling.minimum[axis] + steps * tiling.align[axis]


def _session(model: bytes) -> ort.InferenceSession:
    """The probe as it is written: nothing is optimised away."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
