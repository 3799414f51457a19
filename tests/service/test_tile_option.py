"""The option `tile` of a job: what is refused when it is ordered."""

from contextlib import nullcontext
from typing import Any

import pytest

from imaging.errors import BadRequest
from jobs.job import Options
from service.use_cases.tile_option import with_checked_tile
from tests.support.cards import card
from tests.support.rows import make_scan


@pytest.mark.parametrize(
    ("tile", "changes", "refused"),
    [
        ((19,), {}, True),
        ((20,), {}, False),  # 8 voxels of context on each side, and 4 to write
        ((64, 64, 19), {}, True),
        ((19,), {"spacing_mm": (4.0, 4.0, 4.0)}, False),  # then the tile may hold all of the scan
        ((19,), {"spacing_mm": (0.5, 0.5, 0.5)}, True),
        ((19,), {"exact": False}, False),  # the network has a tile of its own
    ],
)
def test_a_tile_without_room_to_write_is_refused(
    tile: tuple[int, ...], changes: dict[str, Any], refused: bool
) -> None:
    scan = make_scan("scan", shape=(1, 40, 50, 60), spacing_mm=(1.0, 1.0, 1.0))
    network = card("solid", 3, "t1").model_copy(update=changes)
    with pytest.raises(BadRequest, match="too small") if refused else nullcontext():
        with_checked_tile(Options(tile=tile), network, scan)
