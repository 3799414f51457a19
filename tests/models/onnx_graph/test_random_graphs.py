"""The derived numbers against the networks themselves, for random graphs.

A NaN in one voxel spreads through all layers whatever the weights (zero times NaN is NaN), so the
outputs that become NaN are exactly those that read it. ONNX Runtime's maximum drops a NaN: a
max-pool is an average pool of the same windows here.
"""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.onnx_graph.derive import derive
from models.onnx_graph.facts import GraphFacts, Tiling
from models.onnx_graph.network_file import NetworkFile
from models.onnx_graph.windows import at
from tests.support.random_graphs import random_graph

QUICK = range(20)


def facts_of(model: onnx.ModelProto) -> GraphFacts:
    return derive(NetworkFile(model, model.graph.output[0].name))


def tiling_of(model: onnx.ModelProto) -> Tiling:
    facts = facts_of(model)
    assert facts.exact, facts.reason
    assert facts.tiling is not None
    return facts.tiling


class Poisoned:
    """A network in which nothing stops a NaN."""

    def __init__(self, model: onnx.ModelProto) -> None:
        copy = onnx.ModelProto.FromString(model.SerializeToString())
        for node in copy.graph.node:
            if node.op_type == "MaxPool":
                node.op_type = "AveragePool"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(copy.SerializeToString(), options)

    def reached(self, shape: list[int], place: list[int]) -> NDArray[np.bool_]:
        """Which outputs become NaN when this voxel is."""
        image = np.zeros((1, 1, *shape), np.float32)
        image[(0, 0, *place)] = np.nan
        sick: NDArray[np.bool_] = np.isnan(self._session.run(None, {"image": image})[0][0])
        return np.asarray(sick.any(0))


def assert_reads(model: onnx.ModelProto, tiling: Tiling) -> None:
    """Every output reads exactly from the first to the last position that was derived, per axis."""
    network, axes = Poisoned(model), len(tiling.halo)
    lost = [2 * halo if tiling.padding == "valid" else 0 for halo in tiling.halo]
    starts, sizes = [], []
    for axis in range(axes):
        align = tiling.align[axis]
        spans = [max(abs(w.first - p), abs(w.last - p)) for p, w in enumerate(tiling.reads[axis])]
        starts.append(-(-(max(spans) + lost[axis]) // align) * align + align)
        steps = -(-(2 * starts[-1] + align - tiling.minimum[axis]) // align)
        sizes.append(tiling.minimum[axis] + max(0, steps) * align)
    for phase in range(max(tiling.align)):
        place = [start + phase % align for start, align in zip(starts, tiling.align, strict=True)]
        sick = network.reached(sizes, place)
        for axis in range(axes):
            line = np.asarray(sick.any(tuple(a for a in range(axes) if a != axis)))
            assert len(line) == sizes[axis] - lost[axis]
            windows = [at(tiling.reads[axis], p, tiling.align[axis]) for p in range(len(line))]
            inside = [p for p, w in enumerate(windows) if w.first <= place[axis] <= w.last]
            ends = [p for p, w in enumerate(windows) if place[axis] in (w.first, w.last)]
            found = np.flatnonzero(line)
            assert 0 < found[0] <= found[-1] < len(line) - 1, "the image is too small to tell"
            assert set(found) <= set(inside)
            assert set(ends) <= set(found)


@pytest.mark.parametrize("seed", QUICK)
def test_the_derived_windows_are_reached_and_never_exceeded(seed: int) -> None:
    model = random_graph(seed)
    assert_reads(model, tiling_of(model))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("first", "last"), [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_window_that_is_wrong_by_one_voxel_would_be_noticed(
    seed: int, first: int, last: int
) -> None:
    model = random_graph(seed)
    tiling = tiling_of(model)
    window, *others = tiling.reads[0]
    moved = window._replace(first=window.first + first, last=window.last + last)
    with pytest.raises(AssertionError):
        assert_reads(model, replace(tiling, reads=((moved, *others), *tiling.reads[1:])))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 200))
def test_the_same_for_many_more(seed: int) -> None:
    model = random_graph(seed)
    assert_reads(model, tiling_of(model))
