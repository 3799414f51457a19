"""What pyproject.toml promises about its extras."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def ranges(extra: str) -> dict[str, Requirement]:
    return {r.name: r for r in map(Requirement, EXTRAS[extra])}


def test_cpu_and_gpu_exclude_each_other() -> None:
    cpu, gpu = ranges("cpu"), ranges("gpu")
    assert "onnxruntime" in cpu
    assert "onnxruntime-gpu" in gpu
    shared = set(cpu) & set(gpu)
    releases = [f"{a}.{b}.{c}" for a in range(60) for b in (0, 3, 12) for c in (0, 23)]
    assert any(
        not (set(cpu[name].specifier.filter(releases)) & set(gpu[name].specifier.filter(releases)))
        for name in shared
    )


def test_serving_needs_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (*project["dependencies"], *EXTRAS["cpu"], *EXTRAS["gpu"], *EXTRAS["demo"]):
        assert Requirement(line).name not in ("torch", "monai")
