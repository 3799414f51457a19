"""For every test: with CI=true a skip is a failure, and every example must be found again."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CI = os.environ.get("CI", "").lower() == "true"

# A shell that starts this in the background has Ctrl-C ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "tessera",
    deadline=None,  # machines are shared; a slow example is not a wrong one
    derandomize=CI,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("tessera")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests keep what they find out about networks: not where the user's own programs do."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["TESSERA_CACHE"] = str(folder)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped with CI=true: {report.longrepr}"
    return report
