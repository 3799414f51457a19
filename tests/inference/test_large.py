"""Scans of many sizes in the same memory, by the benchmark that also takes the largest."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.process

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "large.py"
LIMIT_MB = {"image": 1500, "volume": 3000}
SWING_MB = 100
"""The plan of tiles and measuring vary by half of that; an array of four bytes for each voxel of
the scan would add 130."""
FRACTIONS = {"image": (64, 16), "volume": (32, 16)}
"""Parts of the largest scan: large enough that every buffer has its full size."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`measured(case, fraction)`: what the benchmark says, arrays beyond 4 MB in files."""
    folder = tmp_path_factory.mktemp("large")

    @cache
    def run(case: str, fraction: int) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-P", SCRIPT, folder, "--fraction", str(fraction), "--only", case,
             "--small"],
            check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )  # fmt: skip
        return dict(json.loads(done.stdout))

    return run


@pytest.mark.parametrize("kind", ["image", "volume"])
def test_memory_does_not_grow_with_the_scan(measured: Any, kind: str) -> None:
    """Numbered objects of a picture; largest component and holes of a volume."""
    small, large = (measured(f"{kind}-one-layer", fraction) for fraction in FRACTIONS[kind])
    assert large["tiles"] > small["tiles"] > 1
    assert large["anonymous_mb"] < LIMIT_MB[kind]
    assert large["anonymous_mb"] - small["anonymous_mb"] < SWING_MB
    if kind == "image":
        assert large["objects"] / small["objects"] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize(
    ("case", "fraction"), [("image-nuclei-2d", 256), ("volume-brain-mri-3d", 128)]
)
def test_a_real_network_stays_within_its_memory(measured: Any, case: str, fraction: int) -> None:
    """Of scans that are too large for one tile."""
    told = measured(case, fraction)
    assert told["anonymous_mb"] < LIMIT_MB[case.partition("-")[0]]
    assert told["tiles"] > 1
