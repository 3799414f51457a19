"""Gateways and workers that start in a tenth of a second.

Nearly all that a start costs is imports: 1.5 s of processor time, and the tests start some 250.
Here a fork server of `multiprocessing` imports once for each pytest worker, and every process is a
fork of it, which then runs the command as a new interpreter would. The fork server has only
imported: it has no threads, no connections and no settings.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

MODULES = (
    *("cli.main", "cli.gateway", "cli.worker", "service.serve", "workers.worker"),
    *("celery.apps.worker", "kombu.pidbox", "onnxruntime", "openvino"),
    *("uvicorn.lifespan.on", "uvicorn.protocols.http.auto", "anyio._backends._asyncio"),
)
"""What gateways and workers import. What is missing here is imported later, by each of them."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, *MODULES])


class PreparedProcess:
    """`tessera COMMAND` as a fork, with the methods of `subprocess.Popen` that tests use."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], log: Path, group: bool
    ) -> None:
        """See `tests.support.processes.start_tessera`. Returns when the process has its group."""
        reader, writer = _context.Pipe(duplex=False)
        arguments = (list(command), dict(env), log, group, writer)
        self._process = _context.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        writer.close()
        reader.recv()
        reader.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative where a signal ended the process; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(
    command: list[str], env: dict[str, str], log: Path, group: bool, started: Connection
) -> None:
    """Becomes what a new interpreter with this environment would be, and runs the command."""
    if group:
        os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(log.parent)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.argv = ["tessera", *command]
    started.send(None)
    started.close()
    from cli.main import main

    main()
