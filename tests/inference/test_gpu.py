"""A GPU's memory: what is free, what a tile takes, and runs whose buffers stay on the device.

There is no GPU where these tests must pass. `Driver` stands for the module `pynvml` and behaves as
its documentation says; everything else is the real thing, on ONNX Runtime's processor provider.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel
from PIL import Image

from inference import device, gpu, memory, runtime_registry
from inference.device import Device
from inference.engine import Engine
from inference.gpu import GPU_MEMORY, UNREPORTED_BYTES
from inference.memory import PROCESSOR_MEMORY
from inference.networks import onnx_runtime
from inference.networks.io_binding import BoundSession
from inference.networks.onnx_runtime import _opened
from inference.networks.session import Session
from inference.runtime_registry import runtime_named
from inference.runtimes import cpu, cuda
from inference.segmentation_output import SegmentationOutput
from inference.session_cache import Measurement, SessionCache
from models.nets.config import UNetConfig
from models.registry import Model, Registry

FLAT = UNetConfig.of_widths((8, 12, 16), dimension=2, out_channels=3)
HUNGRY = UNetConfig.of_widths((32, 48), dimension=2, out_channels=3, padding="same")
MB = 1 << 20


class NVMLError(Exception):
    """As pynvml's."""


@dataclass
class Driver:
    """GPUs by UUID, in the driver's own order, and the bytes that each has free."""

    free: dict[str, int]
    broken: bool = False
    asked: list[str] = field(default_factory=list)
    NVMLError = NVMLError

    def nvmlInit(self) -> None:  # noqa: N802
        if self.broken:
            raise NVMLError("Driver Not LoadedNetwork")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.free)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        if index >= len(self.free):
            raise NVMLError("Invalid Argument")
        return list(self.free)[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid not in self.free:
            raise NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:  # noqa: N802
        self.asked.append(handle)
        if self.free[handle] < 0:  # memory shared with the processor
            raise NVMLError("Not Supported")
        return SimpleNamespace(total=1 << 40, free=self.free[handle], used=0)


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """Two GPUs; nothing is remembered from one test to the next."""
    stands = Driver({"GPU-a": 300 * MB, "GPU-b": 100 * MB})
    monkeypatch.setitem(sys.modules, "pynvml", stands)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpu._library.cache_clear()
    yield stands
    gpu._library.cache_clear()


@pytest.mark.parametrize(
    ("shown", "index", "found"),
    [
        (None, 0, "GPU-a"),
        (None, 1, "GPU-b"),
        ("", 0, "GPU-a"),
        ("1", 0, "GPU-b"),
        ("1, 0", 1, "GPU-a"),
        ("GPU-b,GPU-a", 0, "GPU-b"),
        ("7", 0, None),
        ("GPU-c", 0, None),
        ("-1", 0, None),
    ],
)
def test_the_gpu_is_the_one_that_cuda_would_take(
    monkeypatch: pytest.MonkeyPatch,
    driver: Driver,
    shown: str | None,
    index: int,
    found: str | None,
) -> None:
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert gpu.free_bytes(index) == (None if found is None else driver.free[found])
    assert driver.asked == ([] if found is None else [found])


@pytest.mark.parametrize(
    ("files", "shown", "present"),
    [
        ({}, None, False),
        ({"dev/nvidiactl": ""}, None, False),
        ({"dev/nvidia0": ""}, None, True),
        ({"dev/nvidia0": ""}, "", False),
        ({"dev/nvidia0": ""}, "-1", False),
        ({"dev/nvidia0": ""}, "0,1", True),
        ({"dev/nvhost-gpu": ""}, None, True),
        ({"vendor": "0x10de\n", "class": "0x030200\n"}, None, True),
        ({"vendor": "0x10de\n", "class": "0x020000\n"}, None, False),  # a network adapter
        ({"vendor": "0x1002\n", "class": "0x030000\n"}, None, False),  # a GPU of another vendor
    ],
)
def test_a_gpu_is_found_without_its_driver(
    monkeypatch: pytest.MonkeyPatch,
    driver: Driver,
    tmp_path: Path,
    files: dict[str, str],
    shown: str | None,
    present: bool,
) -> None:
    driver.broken = True
    monkeypatch.setattr(gpu, "_ROOT", tmp_path)
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    pci = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    for name, content in files.items():
        path = tmp_path / name if "/" in name else pci / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert gpu.present() is present


def test_a_gpu_that_the_driver_reports_is_present(driver: Driver) -> None:
    assert gpu.present()
    driver.free.clear()
    assert not gpu._reported()


def test_a_gpus_tiles_take_half_of_what_it_has_free(driver: Driver) -> None:
    assert GPU_MEMORY.budget_bytes() == 150 * MB
    driver.free["GPU-a"] = 1 << 60
    assert GPU_MEMORY.budget_bytes() == pytest.approx(
        PROCESSOR_MEMORY.budget_bytes(), rel=0.5
    )  # the machine's bound
    assert (
        PROCESSOR_MEMORY.budget_bytes() > 150 * MB
    )  # and the processor's have nothing to do with it


@pytest.mark.parametrize("why", ["no library", "no driver", "not told"])
def test_a_gpu_that_does_not_tell_is_taken_to_be_small(
    monkeypatch: pytest.MonkeyPatch, driver: Driver, why: Any
) -> None:
    if why == "no library":
        monkeypatch.setitem(sys.modules, "pynvml", None)  # what makes `import` fail
    driver.broken = why == "no driver"
    driver.free["GPU-a"] = -1
    assert gpu.free_bytes() is None
    machine = SimpleNamespace(available=1 << 50)
    monkeypatch.setattr(memory, "psutil", SimpleNamespace(virtual_memory=lambda: machine))
    monkeypatch.setattr(memory, "_cgroup_free", lambda: float("inf"))
    assert GPU_MEMORY.budget_bytes() == UNREPORTED_BYTES // 2
    machine.available = 2 * MB
    assert GPU_MEMORY.budget_bytes() == MB


def test_what_a_tile_takes_is_what_is_missing_afterwards(driver: Driver) -> None:
    def step(change: int) -> int | None:
        return gpu.used_bytes(lambda: driver.free.update({"GPU-a": driver.free["GPU-a"] + change}))

    assert step(-80 * MB) == 80 * MB
    assert step(0) is None
    assert step(20 * MB) is None  # somebody else's
    driver.free["GPU-a"] = -1
    assert gpu.used_bytes(lambda: None) is None


def opened(path: Path) -> ort.InferenceSession:
    """With a pool that keeps what tiles needed, as a GPU's does."""
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = True
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + shape[-1]).normal(size=shape).astype(np.float32)


def test_bound_buffers_give_the_same_logits_and_are_used_again(
    make_model: Callable[..., Model],
) -> None:
    """To the bit, whatever came before, and none of them changed by what comes after."""
    model = make_model("bound", FLAT)
    plain = Session(model.verified, Device("cpu", "fp32"))
    bound = BoundSession(opened(model.network), "cpu")
    tiles = [noise(1, 1, n, 96) + step for n in (64, 64, 96, 64) for step in (0, 1)]
    found, places = [], []
    for tile in tiles:
        found.append(bound.run(tile, ort.RunOptions()))
        _, binding, buffer = bound._buffers  # type: ignore[misc]
        places.append((buffer.data_ptr(), binding.get_outputs()[0].data_ptr()))
    assert [places[n] == places[n - 1] for n in (1, 2, 3)] == [True, True, True]
    assert places[4] != places[3]
    for tile, logits in zip(tiles, found, strict=True):
        np.testing.assert_array_equal(logits, plain.run(tile))


def test_a_run_that_fails_or_is_stopped_leaves_no_buffers(make_model: Callable[..., Model]) -> None:
    bound, image = (
        BoundSession(opened(make_model("bound", FLAT).network), "cpu"),
        noise(1, 1, 64, 64),
    )
    expected = bound.run(image, ort.RunOptions())
    stopped = ort.RunOptions()
    stopped.terminate = True
    for broken, options in ((image, stopped), (noise(1, 2, 64, 64), ort.RunOptions())):
        with pytest.raises(Exception, match=r"terminate|Got invalid dimensions"):
            bound.run(broken, options)
        assert bound._buffers is None
        np.testing.assert_array_equal(bound.run(image, ort.RunOptions()), expected)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at by Linux's own means")
def test_rest_gives_the_pool_back(make_model: Callable[..., Model]) -> None:
    def held() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

    bound = BoundSession(opened(make_model("hungry", HUNGRY).network), "cpu")
    bound.release_memory()  # nothing ran yet
    bound.run(noise(1, 1, 64, 64), ort.RunOptions())
    before, large = held(), noise(1, 1, 1024, 1024)
    expected = bound.run(large, ort.RunOptions())
    taken = held() - before
    assert taken > 150 * MB
    bound.release_memory()
    assert held() - before < taken / 4
    np.testing.assert_array_equal(bound.run(large, ort.RunOptions()), expected)


def test_a_jobs_budget_is_its_devices(driver: Driver) -> None:
    """With half of what earlier tiles left in the pool, which is not free but to be had."""
    held = SimpleNamespace(held_bytes=20 * MB)
    measured = Measurement(voxels_per_second=1.0, bytes_per_voxel=9.0)
    loaded = SimpleNamespace(session=held, tile_limit_bytes=None, measured=measured)

    def room(device: str, memory_bytes: int = 0) -> int:
        engine = Engine(Registry(), memory_bytes=memory_bytes)
        return engine._networks.budget(loaded, Device(device, "fp32")).memory_bytes  # type: ignore[arg-type]

    assert room("cuda") == room("tensorrt") == 160 * MB
    assert room("cpu") == pytest.approx(PROCESSOR_MEMORY.budget_bytes() + 10 * MB, rel=0.2)
    assert room("cuda", 7) == 7
    loaded.tile_limit_bytes = 5
    assert room("cuda") == 5


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_all_that_surrounds_a_gpus_provider_runs_without_one(
    make_model: Callable[..., Model],
    monkeypatch: pytest.MonkeyPatch,
    driver: Driver,
    precision: str,
) -> None:
    """Only the provider and where buffers lie are the processor's here."""
    monkeypatch.setattr(cuda, "providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(onnx_runtime, "BoundSession", partial(BoundSession, memory="cpu"))
    real = BoundSession.run

    def counted(self: BoundSession, image: np.ndarray, options: ort.RunOptions) -> np.ndarray:
        driver.free["GPU-a"] -= image[0, 0].size * 96  # a pool that grows
        return real(self, image, options)

    monkeypatch.setattr(BoundSession, "run", counted)
    model, exact = make_model("bound", FLAT), Device("cpu", "fp32")
    loaded = SessionCache(1 << 40).get(model, Device("cuda", precision))
    assert loaded.measured.bytes_per_voxel == 96
    image = noise(1, 1, 128, 96)
    found, expected = loaded.session.run(image), Session(model.verified, exact).run(image)
    assert loaded.session.held_bytes == 128 * 96 * 96
    if precision == "fp32":
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=5e-3 * float(np.ptp(expected)))
    loaded.session.release_memory()
    assert loaded.session.held_bytes == 0
    np.testing.assert_array_equal(loaded.session.run(image), found)


def test_a_provider_that_does_not_start_is_no_processor_in_disguise(
    make_model: Callable[..., Model],
) -> None:
    """ONNX Runtime would go on without it, and say so on the console alone."""
    network = make_model("bound", FLAT).network
    missing = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    if "CUDAExecutionProvider" in ort.get_available_providers():
        missing[0] = "DmlExecutionProvider"
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(RuntimeError, match="does not start on this machine"),
    ):
        _opened(network, ort.SessionOptions(), missing)


NOT_STARTED = (
    "The processor was used instead of the GPU: the runtime cuda does not start on this machine "
    "because its driver or its libraries are missing or too old."
)


@pytest.fixture
def segmented(
    make_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., SegmentationOutput]:
    """Segments with `auto`, where these runtimes are available and CUDA raises an error."""

    def segmented(error: Exception, *runtimes: str) -> SegmentationOutput:
        model = make_model("bound", FLAT)  # its export opens sessions, too
        real = ort.InferenceSession

        def refusing(network: Any, options: Any, providers: Any, **more: Any) -> Any:
            if providers[0] != "CPUExecutionProvider":
                raise error
            return real(network, options, providers=providers, **more)

        monkeypatch.setattr(ort, "InferenceSession", refusing)
        found = tuple(runtime_named(name) for name in runtimes)
        monkeypatch.setattr(device, "available_runtimes", lambda: found)
        Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)).save(
            tmp_path / "image.png"
        )
        channel = model.card.channels[0].name
        engine = Engine(Registry(model.folder.parent))
        return engine.segment({channel: tmp_path / "image.png"}, "bound", tmp_path / "out")

    return segmented


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("CUDA failure 35: CUDA driver version is insufficient"), NOT_STARTED),
        (
            RuntimeError("CUDA failure 2: out of memory"),
            "The processor was used instead of the GPU: the network does not fit on cuda.",
        ),
        (
            NoKernel("no kernel for an operator"),
            "The processor was used instead of the GPU: the network cannot be loaded on cuda.",
        ),
    ],
)
def test_a_run_on_the_processor_instead_of_the_gpu_says_so(
    segmented: Callable[..., SegmentationOutput], error: Exception, sentence: str
) -> None:
    output = segmented(error, "cuda", "cpu")
    assert (output.report["device"], output.fallback) == ("cpu", sentence)
    assert output.report["warnings"].count(sentence) == 1


def test_a_machine_without_a_gpu_does_not_warn(
    segmented: Callable[..., SegmentationOutput], monkeypatch: pytest.MonkeyPatch, driver: Driver
) -> None:
    """ONNX Runtime for GPUs alone makes no GPU; another runtime on the processor is none either."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert cuda.RUNTIME.available()
    driver.free.clear()
    monkeypatch.setattr(gpu, "_ROOT", Path("none"))
    assert not cuda.RUNTIME.available()
    broken = replace(runtime_named("cuda"), hardware="cpu")
    for runtimes in (("cpu",), (broken.name, "cpu")):
        monkeypatch.setattr(runtime_registry, "all_runtimes", lambda: (broken, cpu.RUNTIME))
        output = segmented(RuntimeError("not here"), *runtimes)
        assert (output.report["device"], output.fallback) == ("cpu", "")
        assert not any("GPU" in warning for warning in output.report["warnings"])


def test_the_double_has_the_modules_names() -> None:
    """Held against the real module wherever that is installed."""
    sys.modules.pop("pynvml")
    try:
        import pynvml
    except ImportError:
        return
    assert isinstance(pynvml, ModuleType)
    for name in dir(Driver):
        assert name.startswith("_") or hasattr(pynvml, name) or name in ("broken", "asked", "free")
