"""Workflows and the other files that GitHub reads are valid, and run the project's own scripts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCHEMAS = {
    "vendor.github-workflows": sorted(ROOT.glob(".github/workflows/*.yml")),
    "custom.github-workflows-require-timeout": sorted(ROOT.glob(".github/workflows/*.yml")),
    "vendor.github-issue-forms": [
        path
        for path in sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"))
        if path.name != "config.yml"
    ],
    "vendor.github-issue-config": [ROOT / ".github/ISSUE_TEMPLATE/config.yml"],
    "vendor.dependabot": [ROOT / ".github/dependabot.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in ROOT.glob(".github/*/*.yml")}
SCRIPT = re.compile(r"(?:^|\s)((?:scripts|\.ci)/[\w.-]+)")


def validate(schema: str, *files: Path) -> subprocess.CompletedProcess[str]:
    # CITATION.cff is YAML, which the tool cannot see from its ending.
    command = [sys.executable, "-m", "check_jsonschema", "--default-filetype", "yaml"]
    return subprocess.run(
        [*command, "--builtin-schema", schema, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_are_valid_by_their_schema(schema: str) -> None:
    assert SCHEMAS[schema]
    done = validate(schema, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_a_fault_is_found_by_the_same_validator(tmp_path: Path) -> None:
    broken = tmp_path / "ci.yml"
    broken.write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("runs-on", "run-on"))
    assert validate("vendor.github-workflows", broken).returncode != 0


def test_ci_covers_every_python_that_the_project_supports() -> None:
    matrix = WORKFLOWS["ci"]["jobs"]["linux"]["strategy"]["matrix"]["python"]
    assert matrix == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
    assert WORKFLOWS["ci"]["jobs"]["macos"]["runs-on"].startswith("macos-")


def test_workflows_run_scripts_that_are_there() -> None:
    steps = [
        step
        for name in ("ci", "docs", "release")
        for job in WORKFLOWS[name]["jobs"].values()
        for step in job["steps"]
    ]
    scripts = {script for step in steps for script in SCRIPT.findall(step.get("run", ""))}
    assert {".ci/run", "scripts/test", "scripts/docs", "scripts/sbom"} <= scripts
    for script in scripts:
        assert (ROOT / script).stat().st_mode & 0o111, script


def test_hooks_run_the_tools_of_the_test_environment() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "mypy", "imports"}
    for hook in hooks:
        tool = Path(hook["entry"].split()[0])
        assert tool.parent == Path(".venv-test/bin")
        assert (Path(sys.executable).parent / tool.name).is_file()


def test_no_file_names_a_person() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["authors"] == [{"name": "The Tessera founders"}]
