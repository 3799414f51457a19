"""The progress of a backup or a restore in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn


@contextmanager
def backup_progress() -> Iterator["BackupProgress"]:
    """Shows a line on stderr for each step: files that are done, and their bytes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[size]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield BackupProgress(progress)


class BackupProgress:
    """As `jobs.backup.Progress`; it also keeps the bytes of the steps that have begun."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._bytes = 0

    def begin(self, work: str, files: int | None = None) -> None:
        self._end()
        self._bytes = 0
        self._task = self._progress.add_task(work, total=files, size=decimal(0))

    def advance(self, size: int) -> None:
        self._bytes += size
        if self._task is not None:
            self._progress.update(self._task, advance=1, size=decimal(self._bytes))

    def _end(self) -> None:
        """Fills the bar of a step whose number of files was unknown."""
        if self._task is not None and (task := self._progress.tasks[self._task]).total is None:
            self._progress.update(self._task, total=task.completed)
