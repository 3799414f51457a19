"""Processes that `tessera up` starts, watches and ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from cli.error_text import DETAIL_INDENT
from cli.exit_status import BAD_INPUT_STATUS, ERROR_PREFIX
from cli.log_file import LogFile
from imaging.errors import BadRequest
from jobs.parent_death import signal_on_parent_death
from jobs.restart_schedule import RestartSchedule


class ChildProcess:
    """A `tessera` subcommand in a process group of its own, with a log file for its output."""

    def __init__(self, name: str, environment: dict[str, str], log: LogFile | None) -> None:
        """`log`: where output is appended; None: the output of this process."""
        self._name = name
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = RestartSchedule(name)

    def check(self) -> None:
        """Raises BadRequest if the process ended because it cannot work with what it was given,
        such as a setting or a database of another version: it would end again at each restart."""
        if self._process is None or self._process.poll() != BAD_INPUT_STATUS:
            return
        reason = self._log.last_text_with(ERROR_PREFIX, DETAIL_INDENT) if self._log else ""
        where = self._log.path if self._log else "the lines above"
        raise BadRequest(
            f"The {self._name} cannot start. {reason}".strip(),
            expected="Settings and data that it can use.",
            hint=f"Read {where}, correct this, and start again.",
        )

    @property
    def ended(self) -> bool:
        """Whether the process was started and has ended."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Starts the process; `models/` and the like in the working folder are not imported."""
        with ExitStack() as stack:
            output = stack.enter_context(self._log.open()) if self._log else None
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-c", "from cli.main import main; main()", self._name],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=signal_on_parent_death(signal.SIGTERM),
            )

    def bound_log(self) -> None:
        """Divides the log file if it is large; call this often."""
        if self._log is not None:
            self._log.divide_if_large()

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
