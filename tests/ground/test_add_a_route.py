"""The patch of the page on adding a route applies to the code as it is, and its tests pass."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documented_patch import apply_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing" / "add-a-route.md"
COPIED = ("imaging", "inference", "jobs", "models", "service", "workers", "tests", "pyproject.toml")
TESTS = (
    "tests/service/test_jobs.py::test_jobs_of_a_scan",
    "tests/service/test_openapi.py::test_description_is_valid",
    "tests/service/test_permissions.py::test_every_route_names_one_permission",
    "tests/service/test_permissions.py::test_another_project_sees_nothing",
)


@pytest.mark.process
def test_the_patch_of_the_page(tmp_path: Path) -> None:
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    assert apply_page(PAGE.read_text(), tmp_path) == [
        "service/routes/jobs.py",
        "tests/service/test_openapi.py",
        "tests/service/test_jobs.py",
    ]
    run = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert run.returncode == 0, run.stdout + run.stderr
