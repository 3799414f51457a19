"""The Helm chart, rendered by Helm's own library in a process of its own.

The library is Go: its threads and signal handlers would stay in the process of the tests.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[3] / "charts" / "tessera"
_NAMESPACE = "imaging"
_NOTES = "NOTES.txt"


class ChartRefused(Exception):
    """Helm does not take the values."""


def render(values: dict[str, Any], name: str = "tessera") -> list[dict[str, Any]]:
    """The manifests of a release; raises ChartRefused."""
    files = _helm("render", values, name)
    texts = [text for path, text in files.items() if not path.endswith(_NOTES)]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def notes(values: dict[str, Any]) -> str:
    """What `helm install` prints."""
    files = _helm("render", values, "tessera")
    return next(text for path, text in files.items() if path.endswith(_NOTES))


def lint(values: dict[str, Any]) -> list[str]:
    """Warnings and errors of `helm lint --strict`."""
    report = _helm("lint", values, "tessera")
    return [message["error"] for message in report["messages"] if message["severity"] > 1]


def _helm(action: str, values: dict[str, Any], name: str) -> dict[str, Any]:
    command = [sys.executable, "-P", __file__, action, name]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True)
    assert not done.stderr, done.stderr
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise ChartRefused(answer["refused"])
    return answer["result"]


def _main(action: str, name: str) -> None:
    import helm_python

    values = json.load(sys.stdin)
    try:
        if action == "lint":
            result = helm_python.lint(CHART, values, strict=True, namespace=_NAMESPACE)
        else:
            with helm_python.Chart.load(CHART) as chart:
                chart.validate_schema(values)
                result = chart.render(values, name=name, namespace=_NAMESPACE)
    except helm_python.HelmError as error:
        json.dump({"refused": str(error)}, sys.stdout)
    else:
        json.dump({"result": result}, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
