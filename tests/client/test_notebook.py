"""The example notebook runs, cell by cell, and carries no outputs."""

import ast
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from models.registry import ZOO
from tests.support.gateway import start
from tests.support.processes import ROOT, start_worker, stop

NOTEBOOKS = sorted((ROOT / "client" / "examples").glob("*.ipynb"))
MODEL = "hippocampus-mri-3d"


def code_cells(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_no_output_is_kept(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell in the order of the notebook, in one namespace, against a real server."""
    voxels = np.random.default_rng(0).normal(100, 30, (40, 56, 44)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "t1.nii.gz")
    gateway = start(tmp_path / "data", models=str(ZOO))
    worker = start_worker(gateway.data, tmp_path / "worker.log", models=str(ZOO))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TESSERA_URL", f"http://127.0.0.1:{gateway.port}")
    names: dict[str, Any] = {}
    try:
        values = [run("".join(cell["source"]), names) for cell in code_cells(notebook)]
        names["client"].close()
    finally:
        stop(worker)
        gateway.stop()
    assert values[0] == "ok"
    assert (MODEL, ("t1",)) in values[1]  # type: ignore[operator]
    assert values[2] == Path("results/t1-mask.nii.gz")
    assert set(values[3]) == {"anterior hippocampus", "posterior hippocampus"}  # type: ignore[call-overload]
    assert names["states"][-1] == "succeeded"
    for mask in ("results/t1-mask.nii.gz", "results/again.nii.gz"):
        assert nibabel.load(mask).shape == voxels.shape
    assert values[-1] == "accepted"


def run(source: str, names: dict[str, Any]) -> object:
    """Runs a cell; the value of its last line if that is an expression."""
    *body, last = ast.parse(source).body
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    exec(compile(ast.Module([last], []), "<cell>", "exec"), names)
    return None
