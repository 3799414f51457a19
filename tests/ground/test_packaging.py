"""The package is typed, its version has one source, and its bill of materials can be written."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_the_version_stands_in_pyproject_only() -> None:
    stated = PYPROJECT["project"]["version"]
    assert version("tessera-seg") == stated
    for path in [*ROOT.glob("*.cff"), *ROOT.glob("ui/package*.json"), *ROOT.glob("docs/**/*.md")]:
        assert not re.search(
            rf"version\"?: *\"?{re.escape(stated)}\"?$", path.read_text(), re.MULTILINE
        ), path
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path.parent.name == "versions":
                continue  # a migration names the version that it belongs to
            assert f'"{stated}"' not in path.read_text(), path


@pytest.mark.process
def test_the_command_prints_the_version() -> None:
    command = [sys.executable, "-P", "-c", "from cli.main import main; main(['--version'])"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"tessera, version {version('tessera-seg')}"


@pytest.mark.process
def test_the_bill_of_materials_lists_every_package(tmp_path: Path) -> None:
    """The tool validates the file against the schema of CycloneDX."""
    file = tmp_path / "sbom.json"
    # A grammar of internationalised addresses would take 20 s for those of all packages.
    (tmp_path / "rfc3987_syntax.py").write_text("raise ImportError\n")
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        [ROOT / "scripts" / "sbom", "cpu", file, sys.executable],
        env={
            **os.environ,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    bom = json.loads(file.read_text())
    assert bom["bomFormat"] == "CycloneDX"
    root = bom["metadata"]["component"]
    assert (root["name"], root["version"]) == ("tessera-seg", version("tessera-seg"))
    components = {str(canonicalize_name(part["name"])): part for part in bom["components"]}
    assert components["numpy"]["version"] == version("numpy")
    assert components["numpy"]["licenses"]
    assert len(components) > 100
    direct = {ref["ref"]: ref.get("dependsOn", []) for ref in bom["dependencies"]}[root["bom-ref"]]
    assert any(ref.startswith("fastapi==") for ref in direct)
