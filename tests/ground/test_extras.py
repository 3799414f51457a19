"""What pyproject.toml promises about its extras."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def ranges(extra: str) -> dict[str, Requirement]:
    return {r.name: r for r in map(Requirement, EXTRAS[extra])}


def holding(package: str) -> list[str]:
    return [extra for extra in EXTRAS if package in ranges(extra)]


def test_what_spoils_each_other_excludes_each_other() -> None:
    """onnxruntime and onnxruntime-gpu install the same files."""
    assert holding("onnxruntime") == ["cpu", "train"]
    assert holding("onnxruntime-gpu") == ["gpu"]
    releases = [f"{a}.{b}.{c}" for a in range(60) for b in (0, 3, 12) for c in (0, 23)]
    for extra in holding("onnxruntime"):
        one, other = ranges(extra), ranges("gpu")
        assert any(
            not set(one[name].specifier.filter(releases))
            & set(other[name].specifier.filter(releases))
            for name in set(one) & set(other)
        )


@pytest.mark.process
def test_pip_refuses_both_and_names_them() -> None:
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-input"]
    done = subprocess.run(
        [*command, f"{ROOT}[cpu,gpu]"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "ResolutionImpossible" in done.stderr
    for extra in ("cpu", "gpu"):
        assert f'extra == "{extra}"' in done.stdout + done.stderr


def test_serving_needs_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (*project["dependencies"], *EXTRAS["cpu"], *EXTRAS["gpu"], *EXTRAS["demo"]):
        assert Requirement(line).name not in ("torch", "monai")
