"""How tests are distributed over the pytest workers of `scripts/test`.

Tests that share an expensive fixture run in one worker, so that it is made once. Every other test
goes to the worker that is free next. What takes long starts first, so that all workers end at
about the same time.
"""

import pytest

SHARED = ("browser", "served", "gateway")
"""Fixtures that live for the whole session and are expensive to start, the dearest first."""
FIRST = ("browser", "slow", "system", "process")
"""Markers of tests that take long, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Adds the groups and sorts the tests. pytest-xdist reads both with `--dist loadgroup`."""
    for item in items:
        group = group_of(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=rank_of)


def group_of(item: pytest.Item) -> str | None:
    """Name of the tests that must run in the same worker as `item`, or None."""
    used = getattr(item, "fixturenames", ())
    shared = next((name for name in SHARED if name in used), None)
    if shared is not None:
        return shared
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs.values() if info is not None else ()
    scopes = {definition[-1].scope for definition in definitions if definition}
    return item.nodeid.partition("::")[0] if scopes & {"module", "package", "class"} else None


def rank_of(item: pytest.Item) -> int:
    """Place of the test's kind in `FIRST`."""
    ranks = (n for n, marker in enumerate(FIRST) if item.get_closest_marker(marker))
    return next(ranks, len(FIRST))
