"""The progress of a segmentation in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from inference.run_context import RunContext

PREPARING = "Preparing the network: it is compiled, measured and checked once for each machine."


@contextmanager
def progress_bar(name: str) -> Iterator[RunContext]:
    """Shows a bar on stderr while a scan called `name` is segmented with the context."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = _Bar(progress, progress.add_task(name, total=None))
        yield RunContext(bar.on_tile, on_preparing=bar.on_preparing, on_notice=bar.on_notice)


@dataclass(slots=True)
class _Bar:
    progress: Progress
    task: TaskID
    stated: bool = False
    """Whether the preparation was reported."""

    def on_tile(self, done: int, total: int) -> None:
        self.progress.update(self.task, completed=done, total=total)

    def on_notice(self, text: str) -> None:
        self.progress.console.print(text, soft_wrap=True)

    def on_preparing(self, preparing: bool) -> None:
        """Reports the preparation once, also where stderr is a file."""
        if preparing and not self.stated:
            self.on_notice(PREPARING)
            self.stated = True
