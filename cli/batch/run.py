"""Runs a batch: threads, journal, progress and the table of results."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import click

from cli.batch import parquet
from cli.batch.attempt import Attempts
from cli.batch.display import Display
from cli.batch.journal import Record
from cli.batch.plan import Plan, Task
from cli.batch.pool import Pool
from cli.batch.results import Results
from cli.batch.summary import failures
from cli.batch.throughput import Throughput
from cli.exit_status import SOME_FAILED_STATUS
from cli.subject_run import SubjectRun
from imaging.counted import counted

JOURNAL, LOCK = "batch.jsonl", ".batch.lock"
CSV, PARQUET = "results.csv", "results.parquet"
_TICK_S = 1.0
_TABLE_S = 60.0
"""Least time between two versions of the table during a run."""
_TABLE_SHARE = 0.05
"""Largest share of the time for writing the table during a run."""


@dataclass(slots=True)
class Batch:
    """One run of the command."""

    subject_run: SubjectRun
    results: Results
    out: Path
    scratch: Path
    """Folder for temporary files."""
    settings: str
    key: str
    """Part of every idempotency key, see `Attempts`."""
    waiting: set[str] = field(default_factory=set)
    """Ids of the scans that have no result that holds."""
    next_table: float = 0.0

    def run(self, plan: Plan, threads: int, patience_s: float) -> int:
        """Segments what is planned, writes the table and says how it ended; the exit status.

        `patience_s`: how long running scans are waited for after an interruption.
        """
        _remove_parts(plan)
        if self.subject_run.derivative is not None:
            self._keep_from_validators()
        self.waiting = {task.entry.id for task in plan.tasks}
        total = len(self.results.entries)
        click.echo(_beginning(plan, total), err=True)
        throughput = Throughput(total, plan.succeeded + plan.failed, plan.failed)
        try:
            self._segment(plan, throughput, threads, patience_s)
        finally:
            self._write_tables()
        return self._end(throughput)

    def _segment(self, plan: Plan, throughput: Throughput, threads: int, patience_s: float) -> None:
        with Display(throughput) as display:
            attempts = Attempts(
                self.subject_run, self.out, self.settings, self.key, self.scratch, display.notice
            )
            pool: Pool[Task, Record | None] = Pool(attempts, threads)
            self.next_table = time.monotonic() + _TABLE_S
            try:
                for record in pool.results(plan.tasks, _TICK_S, display.update):
                    self._note(record, throughput)
                    display.update()
                    self._write_table_in_time()
            except KeyboardInterrupt:
                display.notice("Interrupted. Run the same command again to continue.")
                raise
            finally:
                attempts.stop.set()
                for record in pool.close(patience_s):
                    self._note(record, throughput)

    def _note(self, record: Record | None, throughput: Throughput) -> None:
        """Keeps the record of an attempt; None: it was stopped."""
        if record is not None:
            self.results.journal.append(record)
            self.waiting.discard(record.id)
            throughput.add(failed=record.state == "failed")

    def _write_table_in_time(self) -> None:
        began = time.monotonic()
        if began >= self.next_table:
            self.results.write_csv(self.out / CSV, self.waiting)
            now = time.monotonic()
            self.next_table = now + max(_TABLE_S, (now - began) / _TABLE_SHARE)

    def _keep_from_validators(self) -> None:
        """Lists the files that BIDS does not know, so that validators leave them out."""
        ignored = self.out / ".bidsignore"
        if not ignored.exists():
            ignored.write_text("".join(f"{name}\n" for name in (CSV, PARQUET, JOURNAL, LOCK)))

    def _write_tables(self) -> None:
        self.results.write_csv(self.out / CSV, self.waiting)
        if parquet.is_available():
            parquet.write_parquet(self.out / PARQUET, self.results, self.waiting)

    def _end(self, throughput: Throughput) -> int:
        for line in failures(self.results):
            click.echo(line, err=True)
        succeeded = throughput.total - throughput.failed
        scans = counted(throughput.total, "scan has", "scans have")
        click.echo(f"{succeeded:,} of {scans} a mask.", err=True)
        if not parquet.is_available():
            click.echo(f"Note: {parquet.MISSING}", err=True)
        click.echo(self.out / CSV)
        if not throughput.failed:
            return 0
        click.echo(
            f"{_scans(throughput.failed)} failed; the table says why. Run the command again with "
            "--retry-failed to segment only these.",
            err=True,
        )
        return SOME_FAILED_STATUS


def _beginning(plan: Plan, total: int) -> str:
    parts = []
    if plan.succeeded:
        parts.append(f"{plan.succeeded:,} done already")
    if plan.failed:
        parts.append(f"{plan.failed:,} failed before (--retry-failed tries them again)")
    return f"{_scans(total)}: {', '.join([*parts, f'{len(plan.tasks):,} to segment'])}."


def _scans(count: int) -> str:
    return f"{count:,} scan{'s' if count != 1 else ''}"


def _remove_parts(plan: Plan) -> None:
    """Removes what masks were written to when an earlier run was killed."""
    for folder in {task.target.folder for task in plan.tasks}:
        for part in folder.glob(".part-*"):
            if part.is_file():
                part.unlink(missing_ok=True)
