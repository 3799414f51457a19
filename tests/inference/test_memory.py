"""Tiles that do not fit into memory: smaller ones are taken, and the mask is the same."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.brake import Brake
from inference.options import RunOptions
from inference.pipeline import segment
from inference.planner import Budget
from inference.runtime.device import available
from inference.runtime.session import Session
from models.nets.config import UNetConfig
from models.registry import Registry
from tests.inference.test_pipeline import noise

WIDE = UNetConfig.of_widths((12, 16), dimension=3, out_channels=3, padding="same")
PROGRAM = """
import hashlib, json, resource, sys
from pathlib import Path
import numpy as np
from imaging.scan import Scan
from inference.brake import Brake
from inference.engine import Engine
from inference.options import RunOptions
from models.registry import Registry

folder, device, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
values = np.random.default_rng(0).normal(size=(1, 112, 128, 120)).astype(np.float32)
scan = Scan(values.shape, values.dtype, np.eye(4), (1.0, 1.0, 1.0), "noise",
            lambda box: values[(slice(None), *box.slices)], values.shape[1:])
registry = Registry(folder)
engine = Engine(registry, device, memory_bytes=1 << 40, threads=1)
options, progress = RunOptions(precision="fp32"), []
def run(tile=None):
    wish = RunOptions(precision="fp32", tile=tile)
    result, _ = engine.run(
        {"image": scan}, registry.get("wide"), wish, lambda *p: progress.append(p), Brake()
    )
    told = hashlib.sha256(result.mask.tobytes()).hexdigest(), len(result.plan), result.shrunk_to
    return told
run((32,))  # libraries are loaded and threads started before memory gets short
if room:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
print(json.dumps([run(), run(), progress[-1]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by Linux's own means")
@pytest.mark.parametrize("device", [d for d in available() if d in ("cpu", "openvino")])
def test_smaller_tiles_where_memory_ends(make_model, device: str) -> None:
    folder = make_model("wide", WIDE).folder.parent

    def masks(room: int) -> list[list[object]]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", PROGRAM, folder, device, str(room)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    whole, again, _ = masks(0)
    assert whole == again
    assert whole[1:] == [1, None]
    first, second, last = masks({"cpu": 90, "openvino": 160}[device] << 20)
    assert first[0] == second[0] == whole[0]
    assert first[1] > 1
    assert first[2] is not None
    assert second[1] >= first[1]  # what did not fit is not tried again
    assert last == [second[1], second[1]]


class Full(Session):
    """A device without any memory left."""

    level = None

    def __init__(self) -> None: ...

    def rest(self) -> None: ...

    def run(self, image: NDArray[np.float32], brake: Brake | None = None) -> NDArray[np.float32]:  # noqa: ARG002
        raise MemoryError(f"no room for {image.shape}")


def test_a_tile_that_fits_nowhere_is_a_want_of_memory() -> None:
    """Not a mistake of the model's, and not an endless search."""
    card = Registry().get("hippocampus-mri-3d").card
    scans, plenty = {"t1": noise((1, 60, 60, 60), (1.0, 1.0, 1.0))}, Budget(1 << 40)
    for served in (card, card.model_copy(update={"exact": False})):
        with pytest.raises(MemoryError, match="no room"):
            segment(scans, served, Full(), plenty, RunOptions(), lambda _d, _a: None, Brake())
