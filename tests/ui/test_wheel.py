"""The page is in the wheel, also when that is built from the source distribution."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / ".venv-build" / "bin" / "python"
"""Has what a build needs (`scripts/environment`), so that no environment is made for it."""
APART = ("em-membrane-2d",)
"""Their data's licence is for research alone: in the repository, not in what is distributed."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, and a wheel built from it: the page is built from its sources."""
    folder = tmp_path_factory.mktemp("dist")
    prepared = [str(BUILDER), "-m", "build", "--no-isolation"]
    builder = prepared if BUILDER.exists() else [sys.executable, "-m", "build"]
    command = [*builder, "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_page_and_all_it_refers_to(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    index = wheel.read("service/static/index.html").decode()
    referred = re.findall(r'(?:src|href)="\./([^"]+)"', index)
    assert any(name.endswith(".js") for name in referred)
    assert any(name.endswith(".css") for name in referred)
    assert {f"service/static/{name}" for name in referred} <= names
    scripts = b"".join(wheel.read(n) for n in names if n.startswith("service/static/assets/"))
    assert b"cornerstone-canvas" in scripts  # the viewer itself
    assert b"Not for clinical use" in scripts
    more = wheel.read("service/static/more-licences.txt").decode()
    assert "Cornerstone.js Contributors" in more


def test_the_page_runs_no_inline_script(wheel: zipfile.ZipFile) -> None:
    """The gateway's content security policy would stop one."""
    index = wheel.read("service/static/index.html").decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", index) == []
    assert "style=" not in index
    assert "<style" not in index


def test_the_wheel_holds_every_shipped_network_and_nothing_of_the_tests(
    wheel: zipfile.ZipFile,
) -> None:
    names = set(wheel.namelist())
    zoo = ROOT / "models" / "zoo"
    files = [path for path in zoo.glob("*/*") if path.is_file()]
    apart = {path.relative_to(ROOT).as_posix() for path in files if path.parent.name in APART}
    shipped = {path.relative_to(ROOT).as_posix() for path in files} - apart
    assert any(name.endswith("model.onnx") for name in shipped)
    assert shipped <= names
    assert not apart & names
    tops = {name.split("/")[0] for name in names}
    assert not tops & {"tests", "ui", "benchmarks", "scripts", "docs", "hatch_build.py"}
    assert not any("node_modules" in name for name in names)


def test_the_source_distribution_holds_the_pages_sources_and_no_build_of_it(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"hatch_build.py", "ui/package-lock.json", "ui/.npmrc", "ui/src/main.ts"} <= names
    assert not any("node_modules" in name or name.startswith("service/static") for name in names)


def test_the_lock_file_pins_contents_and_names_no_host() -> None:
    lock = (ROOT / "ui" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') >= 20
