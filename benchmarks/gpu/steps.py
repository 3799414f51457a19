"""Runs commands one after another, each with a time limit; one that fails does not stop the next.

Output goes to log.txt, and results.json is written again after each step, so that nothing is lost
when the machine is taken away.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Step:
    """A command and how long it may run."""

    name: str
    command: Sequence[str | Path]
    limit_s: float


@dataclass(slots=True)
class Outcome:
    """What became of a step."""

    step: str
    outcome: str
    """passed, failed, timed out, or not started: the time for all steps was used up."""
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)
    """The JSON object that the command printed as its last line, if there is one."""


def run_steps(
    steps: Iterable[Step],
    out: Path,
    environment: Callable[[], Mapping[str, str]],
    total_s: float,
    facts: Mapping[str, Any],
) -> list[Outcome]:
    """Runs all steps within `total_s` and writes log.txt and results.json in `out`.

    `environment`: returns the variables of the next step's process. `facts` stand in results.json.
    """
    out.mkdir(parents=True, exist_ok=True)
    end, outcomes = time.monotonic() + total_s, list[Outcome]()
    with (out / "log.txt").open("w") as log:
        for step in steps:
            outcome = _run(step, min(step.limit_s, end - time.monotonic()), log, environment())
            outcomes.append(outcome)
            print(f"{step.name:40} {outcome.outcome:12} {outcome.seconds:6.1f} s", flush=True)
            rows = [asdict(one) for one in outcomes]
            (out / "results.json").write_text(json.dumps({**facts, "steps": rows}, indent=1) + "\n")
    return outcomes


def _run(step: Step, limit_s: float, log: IO[str], environment: Mapping[str, str]) -> Outcome:
    log.write(f"\n===== {step.name}\n")
    log.flush()
    if limit_s <= 0:
        return Outcome(step.name, "not started", 0.0)
    began, first = time.monotonic(), log.tell()
    try:  # a session of its own, so that its own child processes end with it
        process = subprocess.Popen(
            step.command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    except OSError as error:
        log.write(f"{error}\n")
        return Outcome(step.name, "failed", 0.0)
    try:
        outcome = "passed" if process.wait(limit_s) == 0 else "failed"
    except subprocess.TimeoutExpired:
        outcome = "timed out"
    finally:
        _kill(process)
    seconds = round(time.monotonic() - began, 1)
    return Outcome(step.name, outcome, seconds, _figures(Path(log.name), first))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and its children, also those that outlived it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _figures(log: Path, first: int) -> dict[str, Any]:
    """The JSON object in the last line of what was written from the byte `first` on."""
    lines = log.read_bytes()[first:].decode(errors="replace").strip().splitlines()
    try:
        figures = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return figures if isinstance(figures, dict) else {}
