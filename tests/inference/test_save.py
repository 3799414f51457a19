"""What a run leaves behind."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.formats.mask_file import deliver, read
from imaging.formats.sniff import open_scan
from inference.device import Device
from inference.model_result import ModelRecord, ModelResult, NetworkRecord
from inference.network_input import network_input
from inference.options import RunOptions
from inference.planner import Budget
from inference.results import ResultGrid
from inference.save import save
from inference.work_plan import plan_tiles
from models.registry import Registry


@pytest.mark.parametrize(
    ("count", "kind"), [(70_000, "ome-tiff"), (65_536, "ome-tiff"), (65_535, "png")]
)
def test_a_picture_may_hold_any_number_of_objects(tmp_path: Path, count: int, kind: str) -> None:
    card = Registry().network("nuclei-2d").card
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(np.full((300, 290, 3), 90, np.uint8)))
    scan = open_scan(path)
    mask: NDArray[np.uint32] = np.zeros(300 * 290, np.uint32)
    mask[np.random.default_rng(2).permutation(mask.size)[:count]] = np.arange(1, count + 1)
    mask = mask.reshape(300, 290)
    subject = network_input({card.channels[0].name: scan}, card)
    plan = plan_tiles(ResultGrid.of(subject, card), Budget(1 << 40), RunOptions())
    network = NetworkRecord(Device("cpu", "fp32"), plan, {})
    result = ModelResult(mask, ModelRecord(card, network))
    made = save(result, scan, tmp_path / "out")

    assert made.mask_format == kind
    assert np.array_equal(read(made.mask, dimension=2), mask)
    assert made.report["measurements"]["instances"]["count"] == count
    deliver(made.mask, path, tmp_path / "m.nii.gz")
    assert np.array_equal(read(tmp_path / "m.nii.gz", dimension=2), mask)
