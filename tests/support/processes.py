"""Tessera's own programs as child processes of a test."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import service
from tests.support.prepared_process import PreparedProcess
from tests.support.waiting import PATIENCE_S

ROOT = Path(service.__file__).parent.parent
"""The repository."""
MAIN = "from cli.main import main; main()"
"""Python that runs the command `tessera` with the arguments of its process."""
COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""Set where coverage is measured, which begins when an interpreter starts."""

Process = subprocess.Popen[bytes] | PreparedProcess


def environment(data: Path, port: int = 0, **settings: str) -> dict[str, str]:
    """Environment of a Tessera process: the settings of the test, and none of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
    return kept | {
        "TESSERA_CACHE": os.environ.get("TESSERA_CACHE", str(data / "cache")),  # unset: benchmarks
        "TESSERA_DATA": str(data),
        "TESSERA_PORT": str(port),
        "TESSERA_BROKER_URL": "file://",
        "PYTHONPATH": os.pathsep.join(
            (str(ROOT), str(ROOT / "client"), kept.get("PYTHONPATH", ""))
        ),
        **{f"TESSERA_{name.upper()}": value for name, value in settings.items()},
    }


def start_tessera(
    command: str,
    env: Mapping[str, str],
    log: Path,
    prelude: str = "",
    group: bool = False,
    arguments: Sequence[str] = (),
) -> Process:
    """Starts `tessera COMMAND` in the folder of `log`, to which its output goes.

    Args:
        command: The subcommand.
        env: Its environment, with its settings.
        prelude: Python that the process runs before it imports anything of Tessera.
        group: Whether it leads a process group of its own.
        arguments: The subcommand's arguments and options.
    """
    if not prelude and COVERAGE not in os.environ:
        return PreparedProcess([command, *arguments], env, log, group)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", f"{prelude}\n{MAIN}", command, *arguments],
            env=env,
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=group,
        )


def start_worker(data: Path, log: Path, **settings: str) -> Process:
    """Starts `tessera worker` on a CPU over the data folder. Its output goes to `log`."""
    return start_tessera("worker", environment(data, 0, **{"device": "cpu", **settings}), log)


def stop(process: Process, patience_s: float = PATIENCE_S) -> int:
    """Asks the process to end and returns its exit status."""
    process.terminate()
    return process.wait(patience_s)
