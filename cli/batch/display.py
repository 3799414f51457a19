"""The progress of a batch: a bar in a terminal, lines now and then elsewhere."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.batch.throughput import Throughput
from imaging.counted import counted

FIRST_LINE_S = 10.0
LINE_S = 60.0
"""Time between two lines where stderr is no terminal."""


class Display:
    """Shows the progress on stderr. Notices may come from any thread."""

    def __init__(self, throughput: Throughput) -> None:
        self._throughput = throughput
        self._console = Console(stderr=True)
        columns = (
            TextColumn("scans"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
        )
        is_terminal = self._console.is_terminal
        self._bar = Progress(*columns, console=self._console) if is_terminal else None
        self._next_line = time.monotonic() + FIRST_LINE_S
        self._stated: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._task = self._bar.add_task("", total=self._throughput.total, facts="")
            self._bar.start()
        self.update()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def notice(self, text: str) -> None:
        """Prints a sentence, once."""
        with self._lock:
            if text not in self._stated:
                self._stated.add(text)
                self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def update(self) -> None:
        """Shows the present state; call it at every change, and every few seconds."""
        now, state = time.monotonic(), self._throughput
        if self._bar is not None:
            self._bar.update(self._task, completed=state.ended, facts=state.facts)
        elif now >= self._next_line:
            self._next_line = now + LINE_S
            facts = f": {state.facts}" if state.facts else ""
            line = f"{state.ended:,} of {counted(state.total, 'scan')}{facts}"
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
