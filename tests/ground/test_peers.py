"""The benchmark against MONAI and nnU-Net: all run the same network on the same values."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.contender import monai, tessera
from benchmarks.peers.network import prepare


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "grid"), [("brain-mri-3d", (48, 48, 48)), ("em-membrane-2d", (288, 288))]
)
def test_one_window_of_torch_gives_the_mask_of_tessera(
    tmp_path: Path, name: str, grid: tuple[int, ...]
) -> None:
    """Only voxels whose two best logits are equal may differ."""
    prepare(tmp_path, name, grid)
    one_window = monai(0.0, "fp32", tmp_path, grid[0], 1)()
    mask = tessera("cpu", "fp32", tmp_path, 0, 1)()
    assert mask.shape == grid
    assert len(np.unique(mask)) > 1
    assert (mask != one_window).sum() <= 2
