"""Markers follow from fixtures, and a test that starts a process cannot forget its marker."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import os
import subprocess
import sys

import pytest


@pytest.fixture
def redis():
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.fixture
def browser():
    os.waitpid(os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", ""]), 0)


def test_plain():
    pass


def test_by_a_fixture(redis):
    pass


def test_by_the_browser(browser):
    pass


@pytest.mark.system
def test_by_hand():
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_forgotten():
    try:
        subprocess.run([sys.executable, "-c", ""], check=True)
    except Exception:
        pass


@pytest.mark.gpu
def test_on_a_gpu():
    pass


def test_forked():
    if os.fork() == 0:
        os._exit(0)
"""
pytestmark = pytest.mark.process


def outcomes(folder: Path, *options: str) -> tuple[set[str], str]:
    """Names of the tests that passed, and the output."""
    (folder / "test_made_up.py").write_text(TESTS)
    command = [sys.executable, "-P", "-m", "pytest", "-p", "tests.support.markers", "-rA"]
    words = [*command, "--rootdir", str(folder), "-c", "/dev/null", *options, "test_made_up.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    lines = [line.split("::") for line in done.stdout.splitlines() if line.startswith("PASSED")]
    return {name for _, name in lines}, done.stdout


def test_a_process_without_a_marker_fails_the_test(tmp_path: Path) -> None:
    passed, output = outcomes(tmp_path)
    marked = {"test_by_a_fixture", "test_by_the_browser", "test_by_hand"}
    assert passed == {"test_plain", *marked}
    for name in ("test_forgotten", "test_forked"):
        assert f"test_made_up.py::{name} starts a process" in output


def test_markers_follow_from_fixtures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)  # there, tests for a GPU are deselected, too
    assert outcomes(tmp_path, "-m", "browser")[0] == {"test_by_the_browser"}
    assert outcomes(tmp_path, "-m", "system")[0] == {"test_by_hand"}
    quick = outcomes(tmp_path, "-m", "not process")[1]
    assert "3 failed" not in quick
    assert "1 passed" in quick
    assert "3 deselected" in quick


@pytest.mark.parametrize(
    ("ci", "expected"), [("", "1 skipped"), ("true", "7 deselected")], ids=["here", "ci"]
)
def test_without_a_gpu_its_tests_are_left_out_visibly(
    ci: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A skip would be a failure with CI=true."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CI", ci)
    passed, output = outcomes(tmp_path, "-m", "gpu")
    assert passed == set()
    assert expected in output
    assert "tests marked gpu are left out: this machine has no NVIDIA GPU" in output
