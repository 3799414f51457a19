"""The alert rules and the dashboard: Prometheus accepts them, and their metrics exist."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.metrics_table import described, registries, series_names

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = FOLDER / "tessera.rules.yml"
DASHBOARD = json.loads((FOLDER / "tessera-dashboard.json").read_text())


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def panel_queries() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def known() -> dict[str, set[str]]:
    """Name in queries -> its labels."""
    found: dict[str, set[str]] = {}
    for registry in registries().values():
        for metric, labels in described(registry):
            found |= {name: {*labels, "le", "instance"} for name in series_names(metric)}
    return found


@pytest.mark.parametrize("query", [*panel_queries(), *(rule["expr"] for rule in rules())])
def test_queries_use_metrics_and_labels_that_exist(query: str) -> None:
    names = set(re.findall(r"\b(?:tessera|process)_\w+", query))
    ours = {name for name in names if name.startswith("tessera_")}
    assert names
    assert ours <= known().keys()
    used = {
        label.strip()
        for group in re.findall(r"(?:by|on) \(([^)]*)\)", query)
        for label in group.split(",")
    }
    used |= set(re.findall(r"[{,]\s*(\w+)=~?\"", query))
    assert used <= set().union(*(known()[name] for name in ours), {"instance"})


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(panel_queries())
    for registry in registries().values():
        for metric, _ in described(registry):
            assert any(name in shown for name in series_names(metric)), metric.name


def test_each_alert_has_a_test() -> None:
    tests = yaml.safe_load((FOLDER / "tessera.rules.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == {
        rule["alert"] for rule in rules()
    }


@pytest.mark.system
@pytest.mark.parametrize(
    "arguments", [("check", "rules", RULES.name), ("test", "rules", "tessera.rules.test.yml")]
)
def test_promtool_accepts_the_rules(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: Debian package prometheus")
    run = subprocess.run(
        [promtool, *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": os.environ["PATH"]},
    )
    assert run.returncode == 0, run.stdout + run.stderr
