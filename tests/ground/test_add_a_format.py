"""The patches of the pages on adding formats apply to the code as it is, and their tests pass."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documented_patch import apply_page

ROOT = Path(__file__).parents[2]
PAGES = ("add-a-mask-format", "add-an-input-format")


@pytest.mark.process
@pytest.mark.parametrize("name", PAGES)
def test_the_patch_of_the_page(name: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "contributing" / f"{name}.md").read_text()
    shutil.copytree(ROOT / "imaging", tmp_path / "imaging")
    paths = apply_page(page, tmp_path)
    assert len(paths) == 3
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", paths[-1]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
