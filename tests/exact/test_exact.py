"""No mask depends on how its scan was tiled: shown by `tessera segment`, broken on purpose."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cli.main import tessera
from imaging import tiling
from imaging.formats.mask_file import read
from imaging.formats.sniff import open_scan
from inference.device import Device
from inference.network_input import network_input
from inference.network_run import NetworkRun
from inference.networks.session import Session
from inference.options import RunOptions
from inference.planner import Budget
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.runtime_registry import available_runtimes
from inference.tile_logits import tile_features
from inference.work_plan import WorkPlan, plan_tiles
from models.registry import Model, Registry

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
"""Of the logits' range: what fp32 kernels round for different shapes."""
PROCESSORS = [runtime.name for runtime in available_runtimes() if runtime.hardware == "cpu"]
DEVICES = [Device(name, "fp32") for name in PROCESSORS]
PLENTY = Budget(1 << 40)
WHOLE = 100_000
"""A tile that no scan here fills: without a wish, a slow machine may be given several tiles."""


def masks(
    scan: Path,
    model: Model,
    tiles: Sequence[int | None],
    out: Path,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[list[NDArray[np.integer]], list[int]]:
    """The mask, and the number of tiles, for each --tile; None is one tile."""
    if "zoo" not in model.folder.parts:
        monkeypatch.setenv("TESSERA_MODELS", str(model.folder.parent))
    found, counts = [], []
    for tile in tiles:
        path, report = (
            out / f"{tile}{'.png' if scan.suffix == '.png' else '.nii.gz'}",
            out / "r.json",
        )
        wish = ["--tile", str(tile or WHOLE)]
        arguments = ["segment", str(scan), "--model", model.card.name, "-o", str(path)]
        exact = ["--device", device.name, "--precision", "fp32", "--report", str(report)]
        tessera.main([*arguments, *exact, *wish], standalone_mode=False)
        told = json.loads(report.read_text())
        assert (told["device"], told["precision"]) == (device.name, "fp32")
        found.append(read(path))
        counts.append(told["tiling"]["tiles"])
        assert tile is not None or counts[-1] == 1
    return found, counts


def logits(scan: Path, model: Model, tile: int | None, device: Device) -> NDArray[np.float32]:
    """Of the whole image, (outputs, *network grid)."""
    subject = network_input({model.card.channels[0].name: open_scan(scan)}, model.card)
    options = RunOptions(tile=None if tile is None else (tile,))
    tiles = plan_tiles(ResultGrid.of(subject, model.card), PLENTY, options)
    session = Session(model.verified, device)
    whole = np.full((len(model.card.outputs), *subject.grid), np.nan, np.float32)
    run = NetworkRun(session, RunContext(), len(tiles))
    for part, found in tile_features(subject, WorkPlan(tiles, None), run):
        whole[(slice(None), *part.keep.slices)] = session.logits(found[None])[0]
    return whole


Compare = Callable[[Path, Model, Sequence[int | None]], list[int]]


@pytest.fixture(params=DEVICES, ids=lambda device: device.name)
def assert_same(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ties: list[str],
) -> Compare:
    """On each device masks are equal in every voxel but ties, and logits within rounding.

    Gives the tile counts.
    """

    def compare(scan: Path, model: Model, tiles: Sequence[int | None]) -> list[int]:
        device = request.param
        found, counts = masks(scan, model, tiles, tmp_path, device, monkeypatch)
        assert len(np.unique(found[0])) > 1  # a mask worth comparing
        one_pass = logits(scan, model, None, device)
        span = float(np.ptp(one_pass))
        best = np.sort(one_pass, axis=0)
        tied = best[-1] - best[-2] <= TOLERANCE * span
        assert tied.mean() < 0.01
        for tile, count, mask in zip(tiles[1:], counts[1:], found[1:], strict=True):
            difference = float(np.abs(logits(scan, model, tile, device) - one_pass).max())
            difference /= span
            assert difference <= TOLERANCE, f"tile {tile}: logits differ by {difference}"
            other = mask != found[0]
            ties.append(
                f"{device.name}, {model.card.name}, tile {tile}, {count} tiles: "
                f"logits within {difference:.1e} of their range; "
                f"{int((other & tied).sum())} of {int(tied.sum())} ties differ"
            )
            if model.card.instances is None:
                other &= ~tied
            assert not other.any(), f"tile {tile}: {int(other.sum())} voxels differ"
        return counts

    return compare


ON_ONE_DEVICE = pytest.mark.parametrize(
    "assert_same", DEVICES[:1], indirect=True, ids=lambda device: device.name
)
"""For faults planted in the plan of tiles, which every device is given."""


def test_hippocampus(hemisphere: Path, tmp_path: Path, assert_same: Compare) -> None:
    """A halo of 51 leaves little of a tile; a scan as long as two of them."""
    counts = assert_same(hemisphere, Registry().network("hippocampus-mri-3d"), (None, 120))
    assert counts == [1, 3]
    assert read(tmp_path / "None.nii.gz").any()


def test_random_valid(brain: Path, random_valid: Model, assert_same: Compare) -> None:
    card = random_valid.card
    smallest = tiling.TileRule(card.halo[0], card.align[0], card.minimum[0], True)
    base = smallest.at_least(2 * smallest.halo + smallest.align)
    tiles = [None, *(base + card.align[0] * n for n in (8, 6))]
    counts = assert_same(brain, random_valid, tiles)
    assert len(set(counts)) >= 3
    assert max(counts) >= 27


def test_nuclei(biopsy: Path, tmp_path: Path, assert_same: Compare) -> None:
    model = Registry().network("nuclei-2d")
    counts = assert_same(biopsy, model, (None, 420, 300))
    assert len(set(counts)) >= 3
    assert read(tmp_path / "None.png").max() > 100


def test_random_same(cortex: Path, random_same: Model, assert_same: Compare) -> None:
    counts = assert_same(cortex, random_same, (None, 32, 28))
    assert len(set(counts)) >= 3
    assert max(counts) >= 27


def test_many_labels(cortex: Path, many_labels: Model, assert_same: Compare) -> None:
    counts = assert_same(cortex, many_labels, (None, 32, 28))
    assert max(counts) >= 27


def test_paper_shaped(tissue: Path, paper_shaped: Model, assert_same: Compare) -> None:
    counts = assert_same(tissue, paper_shaped, (None, 572, 380))
    assert len(set(counts)) >= 3


@ON_ONE_DEVICE
def test_a_step_of_388_is_found(
    tissue: Path, paper_shaped: Model, assert_same: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """572 -> 388, stepped by 388: what the paper's figure suggests, off the pooling grid."""

    def by_388(
        length: int, rule: tiling.TileRule, at_most: int | None = None, overlap: int = 0
    ) -> Any:
        if at_most == WHOLE or at_most is None:
            return honest(length, rule)
        return [
            tiling._span(rule, start, min(start + 388, length), length, 572, overlap)
            for start in range(0, length, 388)
        ]

    honest = tiling.plan_axis
    monkeypatch.setattr("inference.planner.plan_axis", by_388)
    with pytest.raises(AssertionError, match="differ"):
        assert_same(tissue, paper_shaped, (None, 572))


def short_halo(honest_cut: Any) -> Any:
    """Tiles whose outermost layer of context is mirrored from inside instead of read."""

    def cut(read: Any, grid: Any, tile: Any) -> Any:
        block = honest_cut(read, grid, tile).copy()
        for axis, (span, length) in enumerate(zip(tile.spans, grid, strict=True), start=1):
            moved = np.moveaxis(block, axis, 0)
            if span.read[0] > 0:
                moved[0] = moved[2]
            if span.read[1] < length:
                moved[-1] = moved[-3]
        return block

    return cut


@ON_ONE_DEVICE
def test_a_halo_one_too_short_is_found(
    tissue: Path, shallow_valid: Model, assert_same: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiling, "cut", short_halo(tiling.cut))
    with pytest.raises(AssertionError, match="differ"):
        assert_same(tissue, shallow_valid, (None, 300))


def test_a_margin_one_too_short_is_found(
    cortex: Path, shallow_same: Model, assert_same: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `same` network crops its tiles' inner sides by the halo; here by one voxel less."""
    assert_same(cortex, shallow_same, (None, 36))
    honest = tiling.TileRule.margin.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(tiling.TileRule, "margin", property(lambda rule: honest(rule) - 1))
    with pytest.raises(AssertionError, match="differ"):
        assert_same(cortex, shallow_same, (None, 36))


@ON_ONE_DEVICE
def test_a_read_start_off_the_grid_is_found(
    cortex: Path, random_same: Model, assert_same: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `same` network that pools, its inner tiles read one voxel further on."""

    def moved(rule: tiling.TileRule, start: int, stop: int, length: int, *rest: int) -> tiling.Span:
        span = honest(rule, start, stop, length, *rest)
        if span.read[0] == 0 or span.read[1] >= length:
            return span
        return replace(span, read=(span.read[0] + 1, span.read[1] + 1), origin=span.origin + 1)

    honest = tiling._span
    monkeypatch.setattr(tiling, "_span", moved)
    with pytest.raises(AssertionError, match="differ"):
        assert_same(cortex, random_same, (None, 32))
