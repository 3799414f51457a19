"""A runtime is one file: with it in place, everything that offers or uses runtimes knows it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.runtime_registry import REFERENCE, all_runtimes, device_names, queue_names
from models.card_parts import Sample
from models.nets.config import UNetConfig
from models.registry import Model

SMALL = UNetConfig.of_widths((4, 6), dimension=2, padding="same")
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing" / "add-a-runtime.md"
FILE = '''
"""A runtime on another kind of hardware, faster than all others; it computes on the processor."""

from pathlib import Path

from inference.networks.onnx_runtime import OnnxRuntimeNetwork
from inference.runtime import LoadOptions, Memory, Runtime

LOADED: list[LoadOptions] = []


def _load(network: Path, options: LoadOptions) -> OnnxRuntimeNetwork:
    LOADED.append(options)
    return OnnxRuntimeNetwork(network, ["CPUExecutionProvider"], options.threads)


def _used_bytes(step) -> int:
    step()
    return 1 << 30


RUNTIME = Runtime(
    name="toy",
    title="a toy on an NPU",
    hardware="npu",
    rank=1000,
    auto=True,
    available=lambda: True,
    precisions=lambda: ("fp16", "fp32"),
    load=_load,
    version=lambda: "7",
    hardware_name=lambda: "NPU 3",
    memory=Memory(lambda: 64e9, _used_bytes),
    keeps_memory=True,
    compiles=False,
    identified=True,
)
'''
PROGRAM = """
import json, sys
from pathlib import Path

import inference.runtimes
inference.runtimes.__path__.append(sys.argv[1])

from cli.main import tessera
from imaging.errors import BadRequest
from inference.device import choose, fingerprint, queues_of
from inference.engine import Engine
from inference.options import RunOptions
from inference.runtime_registry import queue_for, queue_names
from inference.sample_scans import sample_scans
from jobs.queue import Queue, celery_app
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.use_cases.orders import Orders
from toy_runtime import LOADED

def refused(device):
    try:
        choose(device, "auto")
    except BadRequest as error:
        return error.expected

def choices(command):
    context = None
    parameters = tessera.get_command(context, command).params
    option = next(one for one in parameters if one.name == "device")
    return [list(option.type.choices), option.help]

work = Path(sys.argv[2])
settings = Settings(data=work, broker_url="file://")
schema = create_app(settings).openapi()["components"]["schemas"]
model = Registry(Path(sys.argv[3])).get("toy")
engine, scans = Engine(Registry(), cache=work), sample_scans(model)
result = engine.run(scans, model)
device = result.record.network.device
exact = engine.run(scans, model, RunOptions("cpu"))
equal = bool((result.mask == exact.mask).all())
loaded = engine._networks._sessions.get(model, device)
print(json.dumps({
    "named": [choose("toy", "auto").precision, choose("toy", "fp32").precision],
    "auto": choose("auto", "auto").name,
    "refused": refused("tpu"),
    "queues": [queue_names(), queue_for("toy"), queues_of("toy")],
    "celery": sorted(celery_app(settings, queue_names()).amqp.queues),
    "waiting": Queue(settings, queue_names()).waiting("npu"),
    "options": {name: choices(name) for name in ("segment", "bench", "evaluate", "worker")},
    "schema": schema["OptionsIn"]["properties"]["device"],
    "ran": [device.name, device.precision, exact.record.device, equal],
    "loaded": sorted({options.precision for options in LOADED}),
    "per_voxel": loaded.measured.bytes_per_voxel,
    "held": loaded.session.held_bytes,
    "budget": engine._networks.budget(loaded, device).memory_bytes,
    "verdicts": len(list((work / "verdicts").iterdir())),
    "fingerprint": fingerprint(device),
}))
"""


def python(program: str, *arguments: object) -> Any:
    """What a program prints as JSON, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.process
def test_a_new_file_is_a_runtime_everywhere(
    make_model: Callable[..., Model], tmp_path: Path
) -> None:
    """Chosen by name and by `auto`; in queues, options, API and error texts; loaded and checked."""
    (tmp_path / "plug").mkdir()
    (tmp_path / "plug" / "toy.py").write_text(FILE)
    program = PROGRAM.replace("toy_runtime", "inference.runtimes.toy")
    models = make_model("toy", SMALL, sample=Sample(kind="noise", shape=(40, 40))).folder.parent
    facts = python(program, tmp_path / "plug", tmp_path / "data", models)
    assert facts["named"] == ["fp16", "fp32"]
    assert facts["auto"] == "toy"
    assert "toy" in facts["refused"].split("One of: ")[1]
    queues = {*queue_names(), "npu"}
    assert facts["queues"] == [["any", *sorted(queues - {"any"})], "npu", ["any", "npu"]]
    assert facts["celery"] == sorted(queues)
    assert facts["waiting"] == 0
    for names, text in facts["options"].values():
        assert names == [*device_names(), "toy"]
        assert "toy (a toy on an NPU)" in text
    assert facts["schema"]["enum"] == [*device_names(), "toy"]
    assert facts["ran"] == ["toy", "fp16", "cpu", True]
    assert facts["loaded"] == ["fp16", "fp32"]  # the precision gate compared both
    assert facts["per_voxel"] == (1 << 30) / 512**2
    assert facts["held"] > 0
    assert facts["budget"] == 32_000_000_000 + facts["held"] // 2
    assert facts["verdicts"] == 1
    assert facts["fingerprint"] == {
        "device": "toy", "precision": "fp16", "runtime": "7", "hardware": "NPU 3",
    }  # fmt: skip


@pytest.mark.process
def test_the_documented_patch_adds_a_runtime(tmp_path: Path) -> None:
    """The page's file and test, as they stand, in a copy of the folder."""
    blocks = dict(
        re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    )
    (runtime, source), (test, check) = blocks.items()
    (tmp_path / "plug").mkdir()
    (tmp_path / "plug" / Path(runtime).name).write_text(source)
    (tmp_path / Path(test).name).write_text(check)
    program = (
        "import sys, pytest, inference.runtimes, json\n"
        "inference.runtimes.__path__.append(sys.argv[1])\n"
        "code = pytest.main(['-q', '-p', 'no:cacheprovider', '-c', '/dev/null', sys.argv[2]])\n"
        "print(json.dumps(int(code)))"
    )
    assert python(program, tmp_path / "plug", tmp_path / Path(test).name) == 0


@pytest.mark.process
def test_the_gateway_knows_runtimes_and_loads_no_code_that_runs_them(tmp_path: Path) -> None:
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from jobs.settings import Settings\n"
        "from service.app import create_app\n"
        "create_app(Settings(data=Path(sys.argv[1]), broker_url='file://')).openapi()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    modules = set(python(program, tmp_path))
    assert "inference.runtimes.openvino" in modules
    forbidden = {"onnxruntime", "openvino", "torch", "inference.pipeline", "inference.engine"}
    assert not modules & forbidden


def test_ranks_differ_and_names_are_of_files() -> None:
    """The order of two runtimes of the same rank would depend on their names."""
    ranks = [runtime.rank for runtime in all_runtimes()]
    assert len(set(ranks)) == len(ranks)
    files = {
        path.stem.replace("_", "-") for path in (ROOT / "inference" / "runtimes").glob("[a-z]*.py")
    }
    assert {runtime.name for runtime in all_runtimes()} == files
    assert all_runtimes()[-1].name == REFERENCE
    assert queue_names() == ("any", *sorted({runtime.hardware for runtime in all_runtimes()}))
