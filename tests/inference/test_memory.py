"""Tiles that do not fit into memory: smaller ones are taken, and the mask is the same."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.cancellation import CancelToken
from inference.device import Device, available
from inference.memory import peak_bytes
from inference.networks import onnx_runtime
from inference.networks.network import Network
from inference.networks.out_of_memory import is_out_of_memory
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from inference.session_cache import SessionCache
from models.nets.config import UNetConfig
from models.registry import Model, Registry
from tests.support.scans import noise

WIDE = UNetConfig.of_widths((12, 16), dimension=3, out_channels=3, padding="same")
PROGRAM = """
import hashlib, json, resource, sys
from pathlib import Path
import numpy as np
from imaging.scan import Scan
from inference.engine import Engine
from inference.options import RunOptions
from inference.run_context import RunContext
from models.registry import Registry

folder, device, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
values = np.random.default_rng(0).normal(size=(1, 80, 88, 84)).astype(np.float32)
scan = Scan(values.shape, values.dtype, np.eye(4), (1.0, 1.0, 1.0), "noise",
            lambda box: values[(slice(None), *box.slices)], values.shape[1:])
registry = Registry(folder)
engine = Engine(registry, device, memory_bytes=1 << 40, threads=1)
options, progress = RunOptions(precision="fp32"), []
def run(tile=None):
    wish = RunOptions(precision="fp32", tile=tile)
    result = engine.run(
        {"image": scan}, registry.network("wide"), wish, RunContext(lambda *p: progress.append(p))
    )
    record, sha256 = result.record, hashlib.sha256(result.mask.tobytes()).hexdigest()
    told = sha256, record.tiles, record.network.shrunk_to
    return told
run((32,))  # libraries are loaded and threads started before memory gets short
if room:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
print(json.dumps([run(), run(), progress[-1]]))
"""


def test_memory_that_was_freed_before_counts_again() -> None:
    """Given a heap with much freed memory, a step that takes as much is seen to need as much."""

    def blocks() -> list[bytes]:
        return [b"x" * 100_000 for _ in range(640)]  # too small to be mapped one by one

    freed, last = blocks(), b"x" * 100_000  # what lies behind them keeps them in the heap
    del freed
    used = peak_bytes(blocks)
    del last
    if used is None:
        pytest.skip("this system does not report a process's peak of memory")
    assert used > 50e6


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by Linux's own means")
@pytest.mark.parametrize("device", [d for d in available() if d in ("cpu", "openvino")])
def test_smaller_tiles_where_memory_ends(make_model: Callable[..., Model], device: str) -> None:
    folder = make_model("wide", WIDE).folder.parent

    def masks(room: int) -> list[list[Any]]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", PROGRAM, folder, device, str(room)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    whole, again, _ = masks(0)
    assert whole == again
    assert whole[1:] == [1, None]
    first, second, last = masks({"cpu": 38, "openvino": 40}[device] << 20)
    assert first[0] == second[0] == whole[0]
    assert first[1] > 1
    assert first[2] is not None
    assert second[1] >= first[1]  # what did not fit is not tried again
    assert last == [second[1], second[1]]


SHORT = [
    (
        "bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) "
        "Failed to allocate memory for requested buffer of size 1073741824"
    ),
    "Available memory of 100 is smaller than requested bytes of 200",
    "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; expr=cudaMalloc((void**)&p, size);",
    "CUDA error cudaErrorMemoryAllocation",
    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=h",
    "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0",
    "IExecutionContext::enqueueV3: Error Code 1: Cuda Runtime (out of memory)",
    "std::bad_alloc",
]
"""How runtimes say it: ONNX Runtime, CUDA, cuBLAS, cuDNN, TensorRT, the C++ library."""
OTHER = [
    (
        "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; "
        "file=/x/core/providers/cuda/cuda_allocator.cc ; expr=cudaFree(p);"
    ),
    (
        "Non-zero status code returned while running Add node. Name:'/memory/Add' Status Message: "
        "Attempting to broadcast an axis by a dimension other than 1. 3 by 4"
    ),
    "CUDNN failure 3: CUDNN_STATUS_BAD_PARAM ; GPU=0 ; hostname=memory-1",
]


@pytest.mark.parametrize("text", [*SHORT, *OTHER])
def test_what_runtimes_say_of_memory_is_understood(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text)) is (text in SHORT)


class Cramped:
    """A network on a GPU with room for so many voxels: it says what ONNX Runtime would."""

    def __init__(self, network: Network, most: int) -> None:
        self._network, self._most = network, most
        self.rested, self.tried = 0, 0

    def run(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        self.tried += 1
        if image[0, 0].size > self._most:
            raise RuntimeError(SHORT[self.tried % len(SHORT)])
        return self._network.run(image, token)

    def release_memory(self) -> None:
        self.rested += 1

    def __getattr__(self, name: str) -> object:
        return getattr(self._network, name)


@pytest.mark.slow
def test_a_gpus_want_of_memory_makes_tiles_smaller_and_the_mask_the_same(
    make_model: Callable[..., Model],
) -> None:
    """There is no GPU here: the errors are its, the logits the processor's."""
    model, scan = make_model("wide", WIDE), noise((1, 60, 60, 60), (1.0, 1.0, 1.0))
    session, plenty = Session(model.verified, Device("cpu", "fp32")), Budget(1 << 40)

    def mask() -> Any:
        return segment({"image": scan}, model.card, session, plenty)

    whole = mask()
    session._network = cramped = Cramped(session._network, 36**3)  # type: ignore[assignment]
    tiled = mask()
    np.testing.assert_array_equal(tiled.mask, whole.mask)
    assert len(whole.plan) == 1 < len(tiled.plan)
    assert np.prod(tiled.plan.read_shape) <= 36**3
    assert tiled.shrunk_to is not None
    assert 1 <= cramped.rested <= 6  # halved each time


def test_a_network_that_does_not_fit_pushes_others_out(
    make_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another, the least used first; alone and still too large, it is no bad model."""
    first, second, third = (
        make_model(f"fits-{n}", UNetConfig.of_widths((4, 6 + n), dimension=2)) for n in range(3)
    )
    device, sessions, room = Device("cpu", "fp32"), SessionCache(1 << 40), 2
    real = onnx_runtime.OnnxRuntimeNetwork

    def load(*told: Any, **options: Any) -> Network:
        if len(sessions._loaded) >= room:
            raise RuntimeError(SHORT[0])
        return real(*told, **options)

    monkeypatch.setattr(onnx_runtime, "OnnxRuntimeNetwork", load)
    for model in (first, second, third):
        sessions.get(model, device)
    assert [sha for sha, _ in sessions._loaded] == [m.card.sha256 for m in (second, third)]
    room = 0
    with pytest.raises(MemoryError, match="does not fit on cpu"):
        sessions.get(first, device)


class Full(Session):
    """A device without any memory left."""

    level = None

    def __init__(self) -> None: ...

    def release_memory(self) -> None: ...

    def run(
        self,
        image: NDArray[np.float32],
        token: CancelToken | None = None,  # noqa: ARG002
    ) -> NDArray[np.float32]:
        raise MemoryError(f"no room for {image.shape}")


def test_a_tile_that_fits_nowhere_is_a_want_of_memory() -> None:
    """Not a mistake of the model's, and not an endless search."""
    card = Registry().network("hippocampus-mri-3d").card
    scans, plenty = {"t1": noise((1, 60, 60, 60), (1.0, 1.0, 1.0))}, Budget(1 << 40)
    for served in (card, card.model_copy(update={"exact": False})):
        with pytest.raises(MemoryError, match="no room"):
            segment(scans, served, Full(), plenty)
