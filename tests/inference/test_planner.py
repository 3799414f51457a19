"""The planner keeps the budget and takes the least work."""

from math import prod
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import Unavailable
from inference.memory import PROCESSOR_MEMORY, _cgroup_free
from inference.planner import SLACK, TILE_SECONDS, Budget, plan
from models.card import ModelCard

CARD = ModelCard.model_validate(
    {
        "name": "x", "version": "1", "title": "x", "dimension": 3, "licence": "none",
        "channels": [{"name": "t1"}], "labels": [{"value": 1, "name": "a", "color": "#ff0000"}],
        "outputs": [0, 1], "intensity": {"kind": "none"}, "padding": "valid",
        "halo": [20, 20, 20], "align": [4, 4, 4], "minimum": [44, 44, 44], "exact": True,
        "bytes_per_voxel": 400.0, "sha256": "0" * 64,
    }
)  # fmt: skip


def work(tiles: Any) -> int:
    return len(tiles) * prod(tiles.read_shape)


@pytest.mark.slow
@given(st.tuples(*[st.integers(1, 300)] * 3), st.floats(7.8, 11))
def test_tiles_fit_the_budget(grid: tuple[int, int, int], exponent: float) -> None:
    budget = Budget(int(10**exponent))
    tiles = plan(CARD, grid, budget)
    assert budget.tile_bytes(CARD, tiles.read_shape) <= budget.memory_bytes
    assert work(plan(CARD, grid, Budget(budget.memory_bytes * 4))) <= work(tiles)


def test_what_fits_goes_through_in_one_pass() -> None:
    assert len(plan(CARD, (160, 192, 160), Budget(1 << 36))) == 1


@pytest.mark.slow
def test_tiles_take_about_two_seconds_where_that_is_cheap() -> None:
    slow = Budget(1 << 36, voxels_per_second=2e6)
    cut, whole = plan(CARD, (300, 300, 300), slow), plan(CARD, (300, 300, 300), Budget(1 << 36))
    assert work(cut) <= work(whole) * SLACK
    large = plan(CARD, (2000, 2000, 2000), Budget(1 << 44, voxels_per_second=1e5))
    alone = plan(CARD, (2000, 2000, 2000), Budget(1 << 44))
    assert work(large) <= work(alone) * SLACK
    assert prod(large.read_shape) < prod(alone.read_shape) / 10  # not quick, but as quick as may be
    tiny = Budget(1 << 36, voxels_per_second=10.0)
    assert len(plan(CARD, (60, 60, 60), tiny)) == 1  # cutting would cost more than SLACK
    flat = CARD.model_copy(update={"halo": (0, 0, 0), "minimum": (4, 4, 4)})
    cheap = plan(flat, (300, 300, 300), slow)
    assert prod(cheap.read_shape) <= (slow.voxels_per_second or 0) * TILE_SECONDS


def test_equal_work_goes_in_the_largest_tiles() -> None:
    free = CARD.model_copy(update={"halo": (0, 0, 0), "align": (1, 1, 1), "minimum": (1, 1, 1)})
    tiles = plan(free, (64, 64, 64), Budget(32 * 64 * 64 * 400, None, 400.0))
    assert len(tiles) == 2


def test_what_was_measured_is_believed_and_the_card_only_with_room_to_spare() -> None:
    shape = (10, 20, 30)
    assert Budget(1, None, 123.0).tile_bytes(CARD, shape) == 6000 * 123
    assert 1.2 * 6000 * 400 < Budget(1).tile_bytes(CARD, shape) < 2 * 6000 * 400


def test_a_wish_beyond_the_budget_is_made_smaller() -> None:
    budget = Budget(90_000_000)
    tiles = plan(CARD, (200, 200, 200), budget, tile=(5000, 5000, 5000))
    assert budget.tile_bytes(CARD, tiles.read_shape) <= budget.memory_bytes
    assert len(plan(CARD, (200, 200, 200), Budget(1 << 40), tile=(5000, 5000, 5000))) == 1


def test_a_card_without_figures_is_taken_to_be_hungry() -> None:
    silent = CARD.model_copy(update={"bytes_per_voxel": 0.0})
    assert len(plan(silent, (100, 100, 100), Budget(1_500_000_000))) > 1


def test_a_network_that_is_not_exact_is_never_cut() -> None:
    whole = CARD.model_copy(update={"exact": False})
    assert len(plan(whole, (300, 300, 300), Budget(1), tile=(60, 60, 60))) == 1


def test_a_budget_too_small_says_so() -> None:
    with pytest.raises(Unavailable, match="smallest tile needs"):
        plan(CARD, (100, 100, 100), Budget(1_000_000))


def test_free_memory_is_what_the_machine_has() -> None:
    available = psutil.virtual_memory().available
    assert 0 < PROCESSOR_MEMORY.budget_bytes() < 0.7 * available
    if _cgroup_free() > available:
        assert PROCESSOR_MEMORY.budget_bytes() > 0.3 * available


def test_a_cgroups_limit_counts_and_its_cached_files_do_not(tmp_path: Path) -> None:
    assert _cgroup_free(tmp_path / "none") == float("inf")
    figures = {"memory.max": "1000000", "memory.current": "900000"}
    figures["memory.stat"] = "anon 100000\nfile 790000\nactive_file 90000\ninactive_file 700000\n"
    for name, text in figures.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert _cgroup_free(tmp_path) == 800_000
    (tmp_path / "memory.max").write_text("max\n")
    assert _cgroup_free(tmp_path) == float("inf")
