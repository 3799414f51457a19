"""How tests are distributed over the pytest workers of `scripts/test`.

Tests that share an expensive fixture run in one worker, so that it is made once. Every other test
goes to the worker that is free next. What takes long starts first, so that all workers end at
about the same time: of tests that mostly wait for processes the marked ones, then one of each file
in turn, since files of many tests have short ones. Tests that compute are spread evenly between
them, the long ones too, so that all cores are busy from the first test to the last.
"""

from collections import Counter
from collections.abc import Sequence

import pytest

SHARED = ("address", "browser", "served", "gateway", "rabbitmq")
"""Fixtures whose tests run in one worker, since they are expensive to start: the dearest first. The
tests of the page are two such groups, with `address` and without."""
FIRST = ("browser", "slow", "system")
"""Markers of tests that take long, the longest first."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the groups and sorts the tests, for `--dist loadgroup`."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        group = group_of(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    waits = [bool(item.get_closest_marker("process")) for item in items]
    waiting = [item for item, waiter in zip(items, waits, strict=True) if waiter]
    computing = [item for item, waiter in zip(items, waits, strict=True) if not waiter]
    long = [item for item in computing if item.get_closest_marker("slow")]
    short = [item for item in computing if not item.get_closest_marker("slow")]
    items[:] = alternating(in_turn(waiting), long, short)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuses versions of pytest and pytest-xdist that do not group tests together."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    lone = [i for i in session.items if i.get_closest_marker("xdist_group") and "@" not in i.nodeid]
    if lone:
        raise pytest.UsageError(f"pytest-xdist has not put {lone[0].nodeid} into its group.")


def in_turn(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """By kind, and in each kind one test of every file, then the next one of every file. Tests of
    a group stay together."""
    seen: Counter[str] = Counter()

    def place(item: pytest.Item) -> tuple[int, int]:
        if item.get_closest_marker("xdist_group"):
            return rank_of(item), 0
        file = item.nodeid.partition("::")[0]
        seen[file] += 1
        return rank_of(item), seen[file]

    return sorted(items, key=place)


def alternating(*parts: Sequence[pytest.Item]) -> list[pytest.Item]:
    """All lists, each in its order, spread evenly over the result."""
    places = [((n + 0.5) / len(part), item) for part in parts for n, item in enumerate(part)]
    return [item for _, item in sorted(places, key=lambda place: place[0])]


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
