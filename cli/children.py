"""Processes that `tessera up` starts, watches and ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from jobs.parent_death import signal_on_parent_death
from jobs.restart_schedule import RestartSchedule


class ChildProcess:
    """A `tessera` subcommand in a process group of its own, with a log file for its output."""

    def __init__(self, name: str, environment: dict[str, str], log_file: Path | None) -> None:
        """`log_file`: where output is appended; None: the output of this process."""
        self._name = name
        self._environment = environment
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = RestartSchedule(name)

    @property
    def ended(self) -> bool:
        """Whether the process was started and has ended."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Starts the process; `models/` and the like in the working folder are not imported."""
        with ExitStack() as stack:
            output = stack.enter_context(self._log_file.open("ab")) if self._log_file else None
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-c", "from cli.main import main; main()", self._name],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=signal_on_parent_death(signal.SIGTERM),
            )

    def restart_if_ended(self) -> None:
        """Restarts the process if it has ended by itself, with a delay that grows each time."""
        if self._process is not None and self._restarts.due(self._process.poll()):
            self.start()

    def terminate(self) -> None:
        """Asks the process to end (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def wait_or_kill(self, deadline: float) -> None:
        """Waits until `deadline` (monotonic seconds), then kills the process group."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
