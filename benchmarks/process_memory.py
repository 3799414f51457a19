"""Runs a command and measures the memory of its processes."""

import resource
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

EVERY = 0.2
"""Seconds between two samples."""
COUNTED = ("Pss_Anon:", "Pss_Shmem:")
"""Memory without pages of files; what processes share is counted once."""


@dataclass(frozen=True)
class Run:
    """What one run of a command took."""

    seconds: float
    processor_seconds: float
    """Of all threads and processes."""
    peak_bytes: int
    """Highest sum over its processes of memory that is not backed by a file."""


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Run:
    """Runs a command to its end; raises CalledProcessError where it fails, with its text in log."""
    began, used = perf_counter(), _processor_seconds()
    with log.open("w") as text:
        process = subprocess.Popen(
            command, env=environment, stdout=text, stderr=subprocess.STDOUT
        )  # fmt: skip
        peak, ended = 0, threading.Event()

        def sample() -> None:
            nonlocal peak
            while not ended.wait(EVERY):
                peak = max(peak, sum(map(anonymous_bytes, tree(process.pid))))

        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        status = process.wait()
        ended.set()
        sampler.join()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return Run(perf_counter() - began, _processor_seconds() - used, peak)


def tree(pid: int) -> Iterator[int]:
    """A process and all that it started, as far as they run."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            numbers = children.read_text().split()
        except OSError:  # it has ended
            continue
        for number in numbers:
            yield from tree(int(number))


def anonymous_bytes(pid: int) -> int:
    """Memory of a process that is not backed by a file; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(COUNTED))


def _processor_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime
