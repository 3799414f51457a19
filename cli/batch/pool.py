"""Threads that work on tasks, a bounded number at once."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Pool(Generic[Task, Result]):
    """Calls `work` with each task in one of several threads.

    The threads do not keep the process alive: one that waits for a server must not delay its end.
    """

    def __init__(self, work: Callable[[Task], Result], threads: int) -> None:
        self._work = work
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._ended: SimpleQueue[Result | Exception] = SimpleQueue()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def results(
        self, tasks: Iterable[Task], tick_s: float, on_tick: Callable[[], None]
    ) -> Iterator[Result]:
        """The results in the order in which they are ready; raises the first error of `work`.

        Takes as many tasks at once as there are threads. Calls `on_tick` every `tick_s` seconds
        without a result.
        """
        rest = iter(tasks)
        under_way = 0
        for task in islice(rest, len(self._threads)):
            self._tasks.put(task)
            under_way += 1
        while under_way:
            try:
                result = self._ended.get(timeout=tick_s)
            except Empty:
                on_tick()
                continue
            under_way -= 1
            if isinstance(result, Exception):
                raise result
            for task in islice(rest, 1):
                self._tasks.put(task)
                under_way += 1
            yield result

    def close(self, timeout_s: float) -> list[Result]:
        """Ends the threads, and waits at most `timeout_s` seconds for those that work.

        Returns the results that nobody has taken.
        """
        for _ in self._threads:
            self._tasks.put(None)
        end = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        left = []
        with suppress(Empty):
            while True:
                left.append(self._ended.get_nowait())
        return [result for result in left if not isinstance(result, Exception)]

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                self._ended.put(self._work(task))
            except Exception as error:  # noqa: BLE001 - it is raised where the results are taken
                self._ended.put(error)
