"""The zoo's networks on an NVIDIA GPU, against the processor in fp32."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from imaging.box import Box
from imaging.scan import Scan, in_memory
from inference.device import Device, choose
from inference.engine import Engine
from inference.networks.session import Session
from inference.options import RunOptions
from inference.runtime_registry import runtime_named
from inference.sample_scans import sample_scans
from models.registry import Model, Registry

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
GPU, LOWER = "cuda", "fp16"


@pytest.fixture(params=["hippocampus-mri-3d", "nuclei-2d"])
def model(request: pytest.FixtureRequest) -> Model:
    return Registry().network(request.param)


@pytest.fixture(params=[GPU, "tensorrt"])
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "tensorrt" and find_spec("tensorrt_libs") is None:
        pytest.skip("TensorRT is not installed")
    return str(request.param)


def enlarged(scan: Scan) -> Scan:
    """The scan and its mirror images: three times the size."""
    values = scan.read(Box.whole(scan.grid))
    added = [(0, 0), *((0, 2 * size) for size in scan.grid)]
    return in_memory(np.pad(values, added, mode="symmetric"), scan.spacing_mm)


def test_auto_is_the_gpu() -> None:
    assert choose("auto", "auto") == Device(GPU, LOWER)


def test_logits_in_fp32_are_those_of_the_processor(
    model: Model, runtime: str, tmp_path: Path
) -> None:
    side = {2: 256, 3: 64}[model.card.dimension]
    shape = (1, model.card.components, *(side,) * model.card.dimension)
    image = np.random.default_rng(0).standard_normal(shape, np.float32)
    network = model.networks[0].verified
    one, other = (
        Session(network, Device(name, "fp32"), cache=tmp_path) for name in (runtime, "cpu")
    )
    logits, expected = (session.logits(session.run(image)) for session in (one, other))
    assert np.abs(logits - expected).max() < 1e-4 * np.ptp(expected)


def test_the_sample_passes_the_check_of_the_lower_precision(model: Model, tmp_path: Path) -> None:
    ready = Engine(Registry(), GPU, cache=tmp_path).prepare(model)
    assert ready.verdict is not None
    assert ready.verdict.passed, ready.verdict.reason
    assert ready.device == Device(GPU, LOWER)
    assert ready.fallback == ""


def test_memory_and_speed_are_measured(model: Model, tmp_path: Path) -> None:
    """A voxel needs more than input and output, and less than all maps of the network."""
    ready = Engine(Registry(), GPU, cache=tmp_path).prepare(model, options=RunOptions(GPU, "fp32"))
    measured, memory = ready.loaded.measured, runtime_named(GPU).memory
    least = 4 * (model.card.components + len(model.card.outputs))
    assert memory.free_bytes() > 1 << 28
    assert measured.bytes_per_voxel is not None
    assert least < measured.bytes_per_voxel < 100 * least
    assert measured.voxels_per_second is not None
    assert measured.voxels_per_second > 1e5


def test_the_mask_does_not_depend_on_the_tiles(model: Model, tmp_path: Path) -> None:
    engine = Engine(Registry(), GPU, cache=tmp_path)
    scans = {name: enlarged(scan) for name, scan in sample_scans(model).items()}
    tile = {2: (320,), 3: (128,)}[model.card.dimension]
    whole = engine.run(scans, model, RunOptions(GPU, "fp32"))
    tiled = engine.run(scans, model, RunOptions(GPU, "fp32", tile))
    assert tiled.record.tiles > 1
    assert (whole.record.device, tiled.record.device) == (GPU, GPU)
    assert (whole.mask != tiled.mask).mean() < 1e-5
    processor = engine.run(scans, model, RunOptions("cpu", "fp32"))
    assert (whole.mask != processor.mask).mean() < 1e-4
