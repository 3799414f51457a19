"""The patches of the pages on adding formats apply to the code as it is, and their tests pass."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("add-a-mask-format", "add-an-input-format")


@pytest.mark.process
@pytest.mark.parametrize("name", PAGES)
def test_the_patch_of_the_page(name: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "contributing" / f"{name}.md").read_text()
    shutil.copytree(ROOT / "imaging", tmp_path / "imaging")
    files = r"Create\s`([\w/.]+)`[^`]*```python\n(.*?)```"
    for path, content in re.findall(files, page, re.DOTALL):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    registry = tmp_path / "imaging" / "formats" / "registry.py"
    for diff in re.findall(r"```diff\n(.*?)```", page, re.DOTALL):
        before, after = _sides(diff)
        text = registry.read_text()
        assert text.count(before) == 1, before
        registry.write_text(text.replace(before, after))
    (test,) = (tmp_path / "tests").rglob("test_*.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def _sides(diff: str) -> tuple[str, str]:
    """The lines before and after the change."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    return before, "".join(line[1:] for line in lines if line[0] != "-")
