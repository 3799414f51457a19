"""The process that trains: a child of the worker, with the lowest priority.

    worker ── starts ──> COMMAND ID FOLDER  reads FOLDER/request.json
       │ <── reports, one a line ──┘        writes FOLDER/model
       └── kills it as soon as the training is no longer the worker's

It may be killed at any moment: what it needs to continue is in the folder.
"""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from imaging.errors import JobLost
from jobs.training import TrainingProgress, TrainingResult
from jobs.training_reports import ReportedFailure, TrainingReport, report_of
from workers.job_problem import ReportedProblem
from workers.memory_kills import memory_kills
from workers.worker_end import WorkerEnd

_LOOK_S = 0.2
"""How often the worker looks whether the training is still its own, in seconds."""
_CHUNK = 1 << 16


class TrainingProcess:
    """Runs the command for one training."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """`folder`: of this training. Arguments of the command are the id of this process, with
        which it ends, and the folder."""
        self._command = [*command, str(os.getpid()), str(folder)]

    def run(
        self, on_progress: Callable[[TrainingProgress], None], stops: Callable[[], bool]
    ) -> TrainingResult:
        """Returns when the command has ended, or has been killed because `stops` said so.

        Raises JobLost for the latter, and ReportedProblem where it failed.
        """
        kills = memory_kills()
        last: TrainingReport | None = None
        with self._started() as process:
            for report in _reports(_output(process), stops):
                if isinstance(report, TrainingProgress):
                    on_progress(report)
                last = report
            status = process.wait()
        if isinstance(last, ReportedFailure):
            raise ReportedProblem(last.problem, passing=last.passing)
        if status == 0 and isinstance(last, TrainingResult):
            return last
        raise ReportedProblem(_problem(WorkerEnd(status, memory_kills() > kills)), passing=True)

    @contextmanager
    def _started(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process, which has ended when the context is left."""
        process = subprocess.Popen(  # noqa: S603 - our own program
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _output(process: subprocess.Popen[bytes]) -> int:
    """Descriptor of the pipe that the process writes to."""
    if process.stdout is None:
        raise ValueError("The process was started without a pipe for its output.")
    return process.stdout.fileno()


def _reports(output: int, stops: Callable[[], bool]) -> Iterator[TrainingReport]:
    """What a process reports until it closes its output; raises JobLost if `stops` says so."""
    rest = b""
    while True:
        if stops():
            raise JobLost("The training is no longer this worker's.")
        if not select.select([output], [], [], _LOOK_S)[0]:
            continue
        chunk = os.read(output, _CHUNK)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # a library has printed something
                yield report_of(line)


def _problem(end: WorkerEnd) -> Mapping[str, Any]:
    """The RFC 9457 problem of a process that ended without a report."""
    if end.status == -signal.SIGKILL and end.out_of_memory:
        return {
            "type": "urn:tessera:training-out-of-memory",
            "title": "Not enough memory",
            "status": 507,
            "detail": "The system killed the training, because the memory of the machine or "
            "container was used up.",
            "expected": "Enough memory for the network, its gradients and a batch of examples, in "
            "addition to what jobs use.",
            "hint": "Give the worker more memory, or train on another machine. Then start it "
            "again.",
        }
    return {
        "type": "urn:tessera:training-crashed",
        "title": "Training crashed",
        "status": 500,
        "detail": f"The process that trains ended with {end.name}.",
        "expected": "A process that trains until the new model is stored.",
        "hint": "Start the training again. If it ends again, report the model and the worker's "
        "log to your administrator.",
    }
