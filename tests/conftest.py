"""For every test: real parts as fixtures, examples that repeat, and no skips with CI=true."""

import gc
import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# With it, jsonschema, which monai imports, takes a second to import: it compiles the grammar of
# internationalised addresses, which no schema here has.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

pytest.register_assert_rewrite("tests.support")
pytest_plugins = (
    "tests.support.certificates",
    "tests.support.distribution",
    "tests.support.installation",
    "tests.support.markers",
    "tests.support.openid_provider",
    "tests.support.orthanc",
    "tests.support.postgres",
    "tests.support.rabbitmq",
    "tests.support.redis",
    "tests.support.s3",
)
"""Markers, distribution over workers, and the real parts that tests of several packages use."""
CI = os.environ.get("CI", "").lower() == "true"

for variable in [name for name in os.environ if name.startswith("OTEL_")]:
    del os.environ[variable]  # a developer's own collector is to receive nothing

# A shell that starts the tests in the background has Ctrl-C ignored, and every child would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "tessera",
    deadline=None,  # the machine is shared: a slow example is no error
    derandomize=CI,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("tessera")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the tests cache facts about networks, apart from the user's own cache.

    All pytest workers of a run share it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["TESSERA_CACHE"] = str(folder)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects no garbage: collection of tests makes a million objects, and nearly all stay.

    The collector would take a quarter of the time to look through them. Later, too, it leaves them
    out.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped with CI=true: {report.longrepr}"
    return report
