"""Markers that follow from what a test uses, and a guard that no marker is missing.

- `process`: the test starts a process: a server, a worker, a command.
- `browser`: it needs Chromium or Chrome. Implies `process`.
- `system`: it needs a program from a system package, such as Orthanc. Implies `process`.
- `slow`: it takes more than a second: it trains, computes or waits. Written by hand.
- `gpu`: it needs an NVIDIA GPU and the extra `gpu`. Written by hand.
- `bf16`: it needs a processor that computes in bf16. Written by hand.

Where the hardware for `gpu` or `bf16` is missing, a test is skipped; with CI=true, where a skip is
a failure, it is deselected. The header says so.

A test without any marker is fast and stays in this process. `scripts/test --quick` runs those.
"""

import os
import sys
from collections.abc import Callable, Generator
from functools import cache

import pytest

from inference.networks import openvino
from inference.runtime_registry import runtime_named

FIXTURES = {
    "browser": {"browser", "blind_browser", "chromium", "playwright"},
    "system": {"orthanc", "rabbitmq", "secured_orthanc"},
    "process": {
        *("address", "certificates", "cluster", "disk", "gateway", "idle_cluster", "installation"),
        *("lasting_cluster", "object_store", "openid_provider", "own_object_store", "own_postgres"),
        *("patient_cluster", "postgres", "redis", "redis_cluster", "served", "small_disk"),
        *("start_gateway",),
    },
}
"""Fixtures that start a process or need an installed program, by marker."""
HARDWARE: dict[str, tuple[Callable[[], bool], str]] = {
    "gpu": (
        lambda: runtime_named("cuda").available(),
        "this machine has no NVIDIA GPU, or Tessera is installed without the extra `gpu`",
    ),
    "bf16": (
        lambda: "BF16" in openvino.capabilities(),
        "this processor does not compute in bf16",
    ),
}
"""Whether the hardware of a marker is here, and what is said where it is not."""
STARTS = {
    *("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
}
"""Audit events of the interpreter that start a process (PEP 578)."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds markers before pytest selects tests by `-m`, and takes out tests whose hardware is
    missing."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for marker, fixtures in FIXTURES.items():
            if used & fixtures:
                item.add_marker(marker)
        if not item.get_closest_marker("process") and any(
            item.get_closest_marker(marker) for marker in ("browser", "system")
        ):
            item.add_marker("process")
    for marker, reason in _missing().items():
        _take_out([one for one in items if one.get_closest_marker(marker)], reason, config, items)


def _take_out(
    left_out: list[pytest.Item], reason: str, config: pytest.Config, items: list[pytest.Item]
) -> None:
    if left_out and os.environ.get("CI", "").lower() == "true":
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in left_out:
        item.add_marker(pytest.mark.skip(reason=reason))


def pytest_report_header() -> list[str]:
    """Says that tests are left out, since pytest-xdist does not report deselected tests."""
    return [f"tests marked {name} are left out: {reason}" for name, reason in _missing().items()]


@cache
def _missing() -> dict[str, str]:
    """The markers whose hardware is not here, and why."""
    return {name: reason for name, (here, reason) in HARDWARE.items() if not here()}


FONT_LISTS = ("fc-list", "system_profiler")
"""What matplotlib runs when it is first imported on a machine, whichever test that is in."""


class ProcessGuard:
    """Fails a test that starts a process without the marker `process`."""

    def __init__(self) -> None:
        self.test: str | None = None
        sys.addaudithook(self._audit)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Watches the fixtures that the test is the first to use."""
        return (yield from self._watch(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Watches the test itself. Its teardown may end servers of other tests, by a command."""
        return (yield from self._watch(item))

    def _watch(self, item: pytest.Item) -> Generator[None, None, None]:
        self.test = None if item.get_closest_marker("process") else item.nodeid
        try:
            yield
        finally:
            self.test = None

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.test is not None and event in STARTS:
            program = arguments[0] if arguments else ""
            if program in FONT_LISTS:
                return
            pytest.fail(
                f"{self.test} starts a process ({event}: {program}) without a marker. Expected: a "
                "test that starts a process has the marker `process`. Use a fixture that starts "
                "it, or write `@pytest.mark.process`; docs/contributing/testing.md lists both."
            )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ProcessGuard(), "process guard")
