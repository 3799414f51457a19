"""Processes that `tessera up` starts and ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from jobs.parent_death import signal_on_parent_death
from jobs.restart_schedule import RestartSchedule


class Child:
    """A `tessera` subcommand in a process group of its own; what it says goes to a log file."""

    def __init__(self, name: str, environment: dict[str, str], log_file: Path | None) -> None:
        """`log_file` None: to this process's own output."""
        self._name = name
        self._environment = environment
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = RestartSchedule(name)

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Starts it so that a folder with a `models/` or `jobs/` of its own cannot mislead it."""
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
        """Starts it again if it ended by itself; waits longer each time that it falls."""
        if self._process is not None and self._restarts.due(self._process.poll()):
            self.start()

    def ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)

    def end_by(self, deadline: float) -> None:
        """Waits until `deadline` (monotonic seconds), then kills the whole group."""
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
