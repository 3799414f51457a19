"""From scan to mask, against plain numpy and against itself in tiles."""

import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.box import Box
from imaging.errors import BadRequest, JobLost, ScanModelMismatch, UnsupportedScan
from imaging.postprocessing.largest_foreground import LargestForeground
from imaging.postprocessing.mask_context import MaskContext
from imaging.scan import Scan
from inference.cancellation import CancelToken
from inference.device import Device
from inference.engine import Engine
from inference.labels import best_output, labels_of
from inference.network_input import network_input
from inference.network_run import NetworkRun
from inference.networks.session import Session
from inference.options import RunOptions
from inference.pipeline import segment
from inference.planner import Budget
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.tile_logits import strips, tile_features, values_on_scan
from inference.work_plan import WorkPlan, plan_tiles
from models.card import ModelCard
from models.nets.config import UNetConfig
from models.registry import Model, Registry
from tests.support.scans import noise, scan_of

CPU = Device("cpu", "fp32")
PLENTY = Budget(1 << 40)
SMALL = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True)
VALID = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, batch_norm=True)


def run(
    scan: Scan | dict[str, Scan],
    model: Model,
    tile: Any = None,
    token: Any = None,
    on_tile: Any = lambda _d, _a: None,
) -> Any:
    scans = scan if isinstance(scan, dict) else {model.card.channels[0].name: scan}
    session = Session(model.verified, CPU)
    options = RunOptions("cpu", "fp32", tile)
    context = RunContext(on_tile, token or CancelToken())
    return segment(scans, model.card, session, PLENTY, options, context)


def scan_logits(scan: Scan, model: Model, tile: Any) -> np.ndarray:
    """Logits on the scan's own grid."""
    subject = network_input({"image": scan}, model.card)
    results = ResultGrid.of(subject, model.card)
    tiles = plan_tiles(results, PLENTY, RunOptions(tile=tile))
    whole = np.full((len(model.card.outputs), *scan.grid), np.nan, np.float32)
    session = Session(model.verified, CPU)
    run = NetworkRun(session, RunContext(), len(tiles))
    for part, found in tile_features(subject, WorkPlan(tiles, None), run):
        values = values_on_scan(found, part, results, session, part.write)
        for strip in strips(part.write, 50_000):  # strips give the same bits
            inside = (
                slice(a - o, b - o)
                for a, b, o in zip(strip.start, strip.stop, part.write.start, strict=True)
            )
            again = values_on_scan(found, part, results, session, strip)
            np.testing.assert_array_equal(again, values[(slice(None), *inside)])
        whole[(slice(None), *part.write.slices)] = values
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("config", [SMALL, VALID], ids=["same", "valid"])
@pytest.mark.parametrize("ratio", [0.7, 1.5, 4.2])
def test_another_spacing_is_exact_too(
    make_model: Callable[..., Model], config: UNetConfig, ratio: float
) -> None:
    """Invariant 5 where the network's grid is not the scan's: ratio = network voxels per scan's."""
    model = make_model(f"spaced-{config.padding}", config, spacing_mm=(1.0, 1.0, 1.0))
    grid = {0.7: (53, 47, 61), 1.5: (29, 31, 37), 4.2: (11, 7, 13)}[ratio]
    scan = noise((1, *grid), (ratio, ratio, ratio))
    one_pass = scan_logits(scan, model, None)
    tolerance = 1e-4 * float(np.ptp(one_pass))
    assert np.isfinite(one_pass).all()
    best = np.sort(one_pass, axis=0)
    tied = best[-1] - best[-2] <= tolerance
    assert tied.mean() < 0.01
    whole = run(scan, model).mask
    counts = set()
    for tile in ((30,), (34, 28, 40), (48, 30, 28)):
        np.testing.assert_allclose(scan_logits(scan, model, tile), one_pass, atol=tolerance)
        result = run(scan, model, tile)
        assert not ((result.mask != whole) & ~tied).any()
        counts.add(len(result.plan))
    assert min(counts) > 1


def test_a_step_receives_the_spacing_along_the_axes_of_the_mask(
    make_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a scan whose stored axes are z, x, y, the mask that a step changes has x, y, z."""
    received = []
    monkeypatch.setattr(
        LargestForeground, "apply", lambda _, mask, context: received.append((mask.shape, context))
    )
    steps = (LargestForeground(step="largest_foreground"),)
    model = make_model("with-a-step", SMALL, postprocessing=steps)
    affine = np.array([[0, 1, 0, 0], [0, 0, 2, 0], [3, 0, 0, 0], [0, 0, 0, 1]], float)
    scan = replace(noise((1, 8, 10, 12), (3.0, 1.0, 2.0)), affine=affine)
    assert run(scan, model).mask.shape == (8, 10, 12)
    assert received == [((10, 12, 8), MaskContext((1.0, 2.0, 3.0)))]


def test_memory_does_not_grow_with_the_scans_resolution(make_model: Callable[..., Model]) -> None:
    """A coarse network on a fine scan: logits never exist for the whole scan at once."""
    many = UNetConfig.of_widths((4, 6), dimension=3, out_channels=20, batch_norm=True)
    model = make_model("coarse", many, spacing_mm=(4.2, 4.2, 4.2))
    scan = noise((1, 140, 120, 110), (1.0, 1.0, 1.0))
    tracemalloc.start()
    mask = run(scan, model).mask
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(mask)) > 1
    all_logits = mask.size * 20 * 4  # 148 MB
    assert peak < all_logits / 2  # most of it the scan's own statistics, in float64


def test_the_network_is_given_what_numpy_would_give_it(make_model: Callable[..., Model]) -> None:
    """One pass of a valid network against reflect padding and z-scores by hand."""
    model = make_model("by-hand", VALID)
    scan = noise((1, 21, 18, 25), (1.0, 1.0, 1.0))
    values = scan.read(Box.whole(scan.grid)).astype(np.float64)
    normal = (values - values.mean()) / values.std()
    halo, align, least = model.card.halo[0], model.card.align[0], model.card.minimum[0]
    sizes = [-(-(n + 2 * halo - least) // align) * align + least for n in scan.grid]
    around = [(halo, size - n - halo) for size, n in zip(sizes, scan.grid, strict=True)]
    padded = np.pad(normal, [(0, 0), *around], mode="reflect").astype(np.float32)
    logits = Session(model.verified, CPU).run(padded[None])[0]
    expected = logits[(slice(None), *(slice(0, n) for n in scan.grid))].argmax(0)
    found = run(scan, model).mask
    assert (found != expected).mean() < 1e-3  # float64 against float32 z-scores: ties alone
    assert len(np.unique(found)) > 1


@pytest.mark.parametrize("grid", [(1, 1, 1), (1, 40, 3), (2, 1, 70)])
def test_one_voxel_on_an_axis(make_model: Callable[..., Model], grid: tuple[int, int, int]) -> None:
    scan = noise((1, *grid), (1.0, 1.0, 1.0))
    for name, config in (("spaced-same", SMALL), ("spaced-valid", VALID)):
        model = make_model(name, config, spacing_mm=(1.0, 1.0, 1.0))
        assert run(scan, model).mask.shape == grid


def test_bad_voxels_are_counted_and_do_not_spread(make_model: Callable[..., Model]) -> None:
    """Beyond the reach of a voxel that is no number the mask is as if it were one."""
    model = make_model("unscaled", VALID, intensity={"kind": "none"})
    values = noise((1, 30, 30, 30)).read(Box.whole((30, 30, 30))).copy()
    clean = run(scan_of(values, (1.0, 1.0, 1.0)), model)
    bad, far = {(5, 6, 7): np.nan, (20, 20, 20): np.inf}, np.ones((30, 30, 30), bool)
    for place, value in bad.items():
        values[(0, *place)] = value
        reach = model.card.halo[0] + model.card.align[0] - 1
        far[tuple(slice(max(0, n - reach), n + reach + 1) for n in place)] = False
    dirty = run(scan_of(values, (1.0, 1.0, 1.0)), model)
    assert "2 voxels of channel image were NaN or infinite." in dirty.warnings
    assert far.mean() > 0.3
    assert len(np.unique(clean.mask[far])) > 1
    np.testing.assert_array_equal(dirty.mask[far], clean.mask[far])
    with pytest.raises(UnsupportedScan, match="no finite voxel"):
        run(scan_of(np.full_like(values, np.nan), (1.0, 1.0, 1.0)), model)


def test_several_contrasts_are_brought_to_the_first_ones_grid(
    make_model: Callable[..., Model],
) -> None:
    two = [{"name": "t1"}, {"name": "t2"}]
    config = UNetConfig.of_widths((4, 6), dimension=3, in_channels=2, out_channels=3)
    model = make_model("two", config, channels=two)
    first = noise((1, 24, 20, 16), (1.0, 1.0, 1.0))
    second = noise((1, 24, 20, 16), (1.0, 1.0, 1.0), seed=1)
    values = second.read(Box.whole(second.grid))
    finer = np.repeat(np.repeat(values[:, ::-1], 2, axis=1), 2, axis=2)  # other voxels, flipped i
    affine = np.diag([-0.5, 0.5, 1.0, 1.0])
    affine[:3, 3] = [23.25, -0.25, 0]
    placed = Scan(
        finer.shape, finer.dtype, affine, (0.5, 0.5, 1.0), "nifti",
        lambda box: finer[(slice(None), *box.slices)], finer.shape[1:],
    )  # fmt: skip
    together = run({"t1": first, "t2": second}, model)
    apart = run({"t1": first, "t2": placed}, model)
    assert together.mask.shape == apart.mask.shape == first.grid
    assert (together.mask == apart.mask).mean() > 0.99
    with pytest.raises(ScanModelMismatch, match="t1, t2"):
        run({"t1": first}, model)


def test_a_picture_is_not_for_a_volume_model(make_model: Callable[..., Model]) -> None:
    model = make_model("by-hand", VALID)
    with pytest.raises(ScanModelMismatch, match="2D"):
        run({"image": noise((1, 30, 30))}, model)


def test_grey_and_rgb_serve_either_kind_of_network(make_model: Callable[..., Model]) -> None:
    flat = {"dimension": 2, "out_channels": 2}
    grey = make_model("grey", UNetConfig.of_widths((4, 6), in_channels=1, **flat))
    color = make_model("color", UNetConfig.of_widths((4, 6), in_channels=3, **flat))
    picture = noise((1, 40, 50))
    tripled = scan_of(np.repeat(picture.read(Box.whole(picture.grid)), 3, axis=0))
    np.testing.assert_array_equal(run(picture, color).mask, run(tripled, color).mask)
    assert (run(picture, grey).mask == run(tripled, grey).mask).mean() > 0.999


def test_regions_are_painted_in_order() -> None:
    card = ModelCard.model_construct(activation="sigmoid", outputs=(2, 1), instances=None)  # type: ignore[call-arg]
    logits = np.array([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]], np.float32)
    np.testing.assert_array_equal(labels_of(logits, card), [1, 2, 1, 0])


@pytest.mark.slow
def test_the_brake_stops_in_the_middle_of_a_tile(make_model: Callable[..., Model]) -> None:
    model = make_model("by-hand", VALID)
    scan = noise((1, 150, 150, 150), (1.0, 1.0, 1.0))
    token, seen = CancelToken(), []
    began = time.monotonic()
    run(scan, model)
    alone = time.monotonic() - began

    def on_tile(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 0:
            threading.Timer(alone / 20, token.cancel).start()

    with pytest.raises(JobLost):
        run(scan, model, token=token, on_tile=on_tile)
    assert seen == [(0, 1)]  # one tile, and it never ended


def test_the_brake_is_obeyed_while_the_scan_is_measured(make_model: Callable[..., Model]) -> None:
    model = make_model("by-hand", VALID)
    whole, token, reads = noise((1, 20, 20, 20), (1.0, 1.0, 1.0)), CancelToken(), []

    def read(box: Box) -> np.ndarray:
        reads.append(box)
        token.cancel()
        return whole.read(box)

    with pytest.raises(JobLost):
        run(replace(whole, reader=read), model, token=token)
    assert len(reads) == 1


def test_progress_counts_every_tile(make_model: Callable[..., Model]) -> None:
    model, seen = make_model("by-hand", VALID), []
    scan = noise((1, 40, 40, 40), (1.0, 1.0, 1.0))
    run(scan, model, tile=(40,), on_tile=lambda done, total: seen.append((done, total)))
    total = seen[0][1]
    assert total >= 8
    assert seen == [(n, total) for n in range(total + 1)]


def test_wishes_that_make_no_sense_are_refused(make_model: Callable[..., Model]) -> None:
    model = make_model("by-hand", VALID)
    scan = noise((1, 40, 40, 40), (1.0, 1.0, 1.0))
    with pytest.raises(BadRequest, match="2 numbers"):
        run(scan, model, tile=(40, 40))
    with pytest.raises(BadRequest, match="too small"):
        run(scan, model, tile=(3,))
    with pytest.raises(BadRequest, match="not available on this machine"):
        Engine(Registry()).run({"image": scan}, model, RunOptions("tensorrt"))


@given(
    st.sampled_from([1, 2, 3, 117, 256, 257, 300]),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.integers(1, 4),
    st.integers(0, 1000),
)
def test_the_best_output_is_the_first_of_the_largest(
    outputs: Any, shape: Any, levels: Any, seed: Any
) -> None:
    """Also with many ties, and of logits that lie among others in memory."""
    random = np.random.default_rng(seed)
    among = random.integers(0, levels, (outputs, *(n + 2 for n in shape))).astype(np.float32)
    logits = among[:, 1:-1, 1:-1, 1:-1]
    np.testing.assert_array_equal(best_output(logits), logits.argmax(0))
