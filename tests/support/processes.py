"""Tessera's own programs as child processes of a test."""

import os
import subprocess
import sys
from pathlib import Path

import service
from tests.support.waiting import PATIENCE_S

ROOT = Path(service.__file__).parent.parent
"""The repository."""
MAIN = "from cli.main import main; main()"
"""Python that runs the command `tessera` with the arguments of its process."""


def environment(data: Path, port: int = 0, **settings: str) -> dict[str, str]:
    """Environment of a Tessera process: the settings of the test, and none of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
    return kept | {
        "TESSERA_CACHE": os.environ["TESSERA_CACHE"],
        "TESSERA_DATA": str(data),
        "TESSERA_PORT": str(port),
        "TESSERA_BROKER_URL": "file://",
        "PYTHONPATH": os.pathsep.join((str(ROOT), kept.get("PYTHONPATH", ""))),
        **{f"TESSERA_{name.upper()}": value for name, value in settings.items()},
    }


def start_worker(data: Path, log: Path, **settings: str) -> "subprocess.Popen[bytes]":
    """Starts `tessera worker` on a CPU over the data folder. Its output goes to `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", MAIN, "worker"],
            env=environment(data, 0, **{"device": "cpu", **settings}),
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def stop(process: "subprocess.Popen[bytes]", patience_s: float = PATIENCE_S) -> int:
    """Asks the process to end and returns its exit status."""
    process.terminate()
    return process.wait(patience_s)
