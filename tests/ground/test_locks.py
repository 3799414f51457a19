"""requirements/*.txt pin all that pyproject.toml asks for, by hash, and name no index."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS_OF = {
    "serving-cpu": ("cpu", "postgres", "traces"),
    "serving-gpu": ("gpu", "postgres", "traces"),
    "demo": ("cpu", "demo"),
    "tests": ("cpu", "train", "import", "test", "demo", "docs", "traces"),
}
PYTHONS = ("3.11.9", "3.12.9", "3.13.2")
PIN = re.compile(
    r"^(\S+)==(\S+?)(?: ; ([^\\]+?))? \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)


def pins(name: str) -> list[Requirement]:
    """Every pin of a lock file, as a requirement; fails for a line that is no pin with hashes."""
    text = (LOCKS / f"{name}.txt").read_text()
    entries = []
    while text:
        match = PIN.match(text)
        assert match, f"{name}.txt: not a pin with hashes: {text[:80]!r}"
        package, version, marker, _ = match.groups()
        entries.append(Requirement(f"{package}=={version}" + (f" ; {marker}" if marker else "")))
        text = text[match.end() :]
    return entries


def version_of(entries: list[Requirement], package: str, python: str) -> Version | None:
    """The one version of `package` that is pinned for Linux on x86-64 and a release of Python."""
    environment = {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "extra": "",
    }
    versions = [
        next(iter(entry.specifier)).version
        for entry in entries
        if canonicalize_name(entry.name) == canonicalize_name(package)
        and (entry.marker is None or entry.marker.evaluate(environment))
    ]
    assert len(versions) <= 1, f"{package}: {versions}"
    return Version(versions[0]) if versions else None


def requirements_of(name: str, python: str) -> list[Requirement]:
    environment = {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "extra": "",
    }
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"]]
    for extra in EXTRAS_OF[name]:
        lines += extras[extra]
    return [
        requirement
        for requirement in map(Requirement, lines)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", EXTRAS_OF)
def test_each_requirement_has_a_pin_that_satisfies_it(name: str, python: str) -> None:
    """Else run `scripts/lock`."""
    entries = pins(name)
    for requirement in requirements_of(name, python):
        if requirement.name == "torch":
            continue
        version = version_of(entries, requirement.name, python)
        assert version, f"{name}.txt has no pin of {requirement}: run scripts/lock"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{name}.txt pins {requirement.name} {version}, pyproject.toml wants "
            f"{requirement.specifier}: run scripts/lock"
        )


def test_every_lock_is_known() -> None:
    assert {path.stem for path in LOCKS.glob("*.txt")} == {*EXTRAS_OF, "build"}
    assert {entry.name for entry in pins("build")} >= {"build", "hatchling"}


@pytest.mark.parametrize("name", [*EXTRAS_OF, "build"])
def test_no_lock_names_an_index_or_brings_torch(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text()
    assert "://" not in text
    names = {entry.name for entry in pins(name)}
    assert not {n for n in names if n == "torch" or n.startswith(("nvidia-cu", "triton"))}


def test_torch_is_locked_apart_in_one_release() -> None:
    (line,) = re.findall(
        r"^torch==(.+)$", (ROOT / "tests/constraints.txt").read_text(), re.MULTILINE
    )
    (metadata,) = PROJECT["tool"]["uv"]["dependency-metadata"]
    assert (metadata["name"], metadata["version"]) == ("torch", line)


def test_images_install_from_the_locks_only() -> None:
    """pip in the Dockerfile verifies hashes, or installs the wheel that was just built."""
    installs = re.findall(r"pip install[^&\n]*", (ROOT / "Dockerfile").read_text())
    assert len(installs) == 3
    for install in installs:
        assert "--no-deps" in install
        assert "--require-hashes" in install or install.rstrip().endswith("/tmp/*.whl")
    assert {"requirements/build.txt", "/tmp/lock.txt"} <= set(" ".join(installs).split())


def test_environments_are_made_from_locks_that_are_there() -> None:
    for script in ("demo", "sbom", "test"):
        text = (ROOT / "scripts" / script).read_text()
        for lock in re.findall(r"requirements/[\w.-]+\.txt", text):
            assert (ROOT / lock).is_file(), f"scripts/{script}: {lock}"


@pytest.mark.process
def test_pip_accepts_the_lock_of_this_environment() -> None:
    """Nothing would be changed: what runs here is what is locked."""
    python = ROOT / ".venv-test" / "bin" / "python"
    if not python.exists():
        pytest.skip("the tests run in an environment of another name")
    command = [str(python), "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*command, "--require-hashes", "--requirement", str(LOCKS / "tests.txt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
