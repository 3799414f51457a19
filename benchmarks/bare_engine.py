"""The engine alone, in processes of its own: no queue, no database, no store."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Self

from benchmarks.sample_files import Kind
from inference.engine import Engine, Registry

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class BareRun:
    """How long a list of inputs took."""

    seconds: float
    """From the first start to the last end."""
    processor_s: float
    """Of all processes together."""


class BareEngine:
    """Processes that segment files and write masks, as often as `run` is called.

    Each takes the next file of the list when it has ended one.
    """

    def __init__(
        self, processes: int, threads: int, together: int, cache: Path, scratch: Path
    ) -> None:
        """`together`: files that a process segments at the same time; `scratch`: where masks are
        written, and deleted."""
        self._next: Synchronized[int] = _SPAWN.Value("q", 0)
        self._lines: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            line, other = _SPAWN.Pipe()
            arguments = (other, self._next, threads, together, cache, scratch)
            process = _SPAWN.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            self._lines.append(line)
            self._processes.append(process)

    def run(self, kind: Kind, paths: Sequence[Path]) -> BareRun:
        """Segments all files."""
        self._next.value = 0
        for line in self._lines:
            line.send((kind, list(paths)))
        begins, ends, used = zip(*(line.recv() for line in self._lines), strict=True)
        return BareRun(max(ends) - min(begins), sum(used))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.join()


def _serve(
    line: Connection,
    counter: "Synchronized[int]",
    threads: int,
    together: int,
    cache: Path,
    scratch: Path,
) -> None:
    engine = Engine(Registry(), "cpu", threads=threads, scratch=scratch, cache=cache)
    while True:
        kind, paths = line.recv()
        began, used = time.time(), _processor_s()
        with ThreadPoolExecutor(together) as pool:
            for worker in [
                pool.submit(_segment_all, engine, kind, paths, counter, scratch)
                for _ in range(together)
            ]:
                worker.result()
        line.send((began, time.time(), _processor_s() - used))


def _segment_all(
    engine: Engine,
    kind: Kind,
    paths: Sequence[Path],
    counter: "Synchronized[int]",
    scratch: Path,
) -> None:
    while True:
        with counter.get_lock():
            number = counter.value
            counter.value += 1
        if number >= len(paths):
            return
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            engine.segment({kind.channel: paths[number]}, kind.model, Path(folder))


def _processor_s() -> float:
    times = os.times()
    return times.user + times.system
