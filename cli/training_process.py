"""The process that trains for a worker: exports the masks, trains, measures, exports the model.

    python ... PARENT FOLDER        PARENT: id of the worker's process; FOLDER: of the training

What it needs to continue after it was killed is in the folder:

    request.json    what is requested (`jobs.training_reports`)
    data/           the data set, as `tessera dataset export` writes it
    run/            the state of the training
    model/          the new model
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import Unavailable
from jobs.parent_death import end_with_parent
from jobs.training_reports import TrainingReport, TrainingRequest, line_of

TRAINING_COMMAND = (
    *(sys.executable, "-P", "-c"),
    "from cli.training_process import main; main()",
)
"""The command of this process for a worker."""
_LOWEST_PRIORITY = 19
_LOCK, _PATIENCE_S, _PAUSE_S = ".lock", 10.0, 0.1


def main() -> None:
    """Trains, and reports to the worker by its output; status 1 if it fails."""
    parent, folder = int(sys.argv[1]), Path(sys.argv[2])
    end_with_parent(signal.SIGKILL, parent)
    os.nice(_LOWEST_PRIORITY)  # jobs come first
    from cli.requested_training import failure_of, requested_training

    try:
        with _alone(folder):
            result = requested_training(TrainingRequest.load(folder), folder, _say)
    except Exception as error:  # noqa: BLE001 - every error is reported to the worker
        _say(failure_of(error))
        sys.exit(1)
    _say(result)


def _say(report: TrainingReport) -> None:
    sys.stdout.write(line_of(report) + "\n")
    sys.stdout.flush()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A context in which no other process uses the folder: that of an attempt whose worker was
    killed a moment ago is ending."""
    until = time.monotonic() + _PATIENCE_S
    with (folder / _LOCK).open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Unavailable(
                        "An earlier attempt of the training still runs in its folder.",
                        expected="One process for each training.",
                        hint="End the other process that trains on this machine.",
                    ) from None
            time.sleep(_PAUSE_S)
        yield
