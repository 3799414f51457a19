"""What is made from the zoo's cards and by its drawings is what the repository contains."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imaging.box import Box
from imaging.formats.sniff import open_scan
from models.registry import ZOO
from scripts.samples.__main__ import DRAWINGS

ROOT = Path(__file__).parents[2]


@pytest.mark.process
def test_tables_are_made_from_the_cards(tmp_path: Path) -> None:
    """Else run `python -P benchmarks/zoo_tables.py`."""
    program = ROOT / "benchmarks" / "zoo_tables.py"
    subprocess.run([sys.executable, "-P", program, "--out", tmp_path], check=True, cwd=ROOT)
    for name in ("README.md", "docs/reference/networks.md"):
        made = (tmp_path / name).read_text()
        assert made == (ROOT / name).read_text()
        assert "`nuclei-2d`" in made


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWINGS)
def test_samples_are_what_their_code_draws(name: str, tmp_path: Path) -> None:
    """But for rounding. Else run `python -m scripts.samples` and record the accuracy again."""
    path = tmp_path / Path(name).name
    DRAWINGS[name](path)
    drawn, kept = open_scan(path), open_scan(ZOO / name)
    assert (drawn.grid, drawn.spacing_mm) == (kept.grid, kept.spacing_mm)
    one, other = (scan.read(Box.whole(scan.grid)).astype(int) for scan in (drawn, kept))
    assert np.abs(one - other).max() <= 1
    assert (one != other).mean() < 1e-3
