"""Libraries that run networks send nothing, and keep no identifier of the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OPEN = "inference.networks.onnx_runtime", "inference.runtimes.cpu", "models.export"
RUN = """
import importlib, sys
importlib.import_module(sys.argv[1])
import onnxruntime
onnxruntime.get_device()
"""


@pytest.mark.process
@pytest.mark.parametrize("module", OPEN)
def test_onnx_runtime_keeps_no_identifier(tmp_path: Path, module: str) -> None:
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    # where these say that a machine builds software, ONNX Runtime reports nothing anyway
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "PYTEST_CURRENT_TEST"):
        variables.pop(name, None)
    variables |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run(
        [sys.executable, "-P", "-c", RUN, module],
        env=variables,
        cwd=Path(__file__).parents[2],
        check=True,
        timeout=120,
    )
    assert not [*tmp_path.rglob("*")]
