"""The progress of a segmentation in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from inference.run_context import RunContext

PREPARING = "Preparing the network: it is compiled, measured and checked once for each machine."


@contextmanager
def progress_bar(name: str) -> Iterator[RunContext]:
    """Shows a bar on stderr while a scan called `name` is segmented with the context, or while a
    network called `name` is prepared: then it says which step that is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[tiles]}"),
        TimeElapsedColumn(),
        TextColumn("elapsed"),
        _TimeLeft(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = _Bar(progress, progress.add_task(name, total=None, tiles=""), name, name)
        yield RunContext(
            bar.on_tile,
            on_preparing=bar.on_preparing,
            on_preparation=bar.on_preparation,
            on_notice=bar.on_notice,
        )


class _TimeLeft(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        """As `0:00:12 left`; nothing where the number of tiles is not known."""
        text = super().render(task)
        return text.append(" left") if text else text


@dataclass(slots=True)
class _Bar:
    progress: Progress
    task: TaskID
    name: str
    step: str
    """What the bar shows now."""
    stated: bool = False
    """Whether the preparation was reported."""

    def on_tile(self, done: int, total: int) -> None:
        self._show(self.name, done, total)

    def on_preparation(self, step: str, done: int, total: int) -> None:
        self._show(f"{self.name}: {step}", done, total)

    def on_notice(self, text: str) -> None:
        self.progress.console.print(text, soft_wrap=True)

    def on_preparing(self, preparing: bool) -> None:
        """Reports the preparation once, also where stderr is a file."""
        if preparing and not self.stated:
            self.on_notice(PREPARING)
            self.stated = True

    def _show(self, step: str, done: int, total: int) -> None:
        """Each step has a bar with a clock of its own, in the place of the last one."""
        if step != self.step:
            self.progress.remove_task(self.task)
            self.task, self.step = self.progress.add_task(step, total=None, tiles=""), step
        tiles = f"{done}/{total} tiles" if total else ""
        self.progress.update(self.task, completed=done, total=total or None, tiles=tiles)
