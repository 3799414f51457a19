"""A command that trains nothing and reports what a folder tells it to, for tests of the worker.

    python -m tests.support.trainer WHAT PARENT FOLDER

It counts its starts in FOLDER/starts.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from jobs.training import TrainingPhase, TrainingProgress, TrainingResult
from jobs.training_reports import MODEL, ReportedFailure, TrainingRequest, line_of

RESULT = TrainingResult("2", "c" * 64, 8, 2, {"dice": 0.8}, {"dice": 0.9})
PROBLEM = {"title": "Too few masks", "detail": "There is one mask.", "status": 422}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(what: str, folder: Path) -> None:
    request = TrainingRequest.load(folder)
    with (folder / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    say("a library says hello")
    say(json.dumps({"something": "else"}))
    say(line_of(TrainingProgress(TrainingPhase.TRAINING, 1, request.options.steps or 9, 0.5)))
    match what:
        case "succeeds":
            (folder / MODEL).mkdir(exist_ok=True)
            (folder / MODEL / "card.json").write_text('{"name": "small"}')
            say(line_of(RESULT))
        case "fails":
            say(line_of(ReportedFailure(PROBLEM, passing=False)))
            sys.exit(1)
        case "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hangs":
            time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[3]))
