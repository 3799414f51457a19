"""One attempt to segment a scan, in a thread of the batch."""

import json
import tempfile
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cli.batch.journal import Record
from cli.batch.plan import Task
from cli.batch.problems import ends_batch, problem
from cli.progress_bar import PREPARING
from cli.server_unavailable import ServerUnavailable
from cli.subject_run import Delivered, SubjectRun
from imaging.errors import BadRequest, JobLost
from inference.cancellation import CancelToken
from inference.run_context import RunContext

_WAIT_S = 5.0
"""Pause before a server that has not answered is tried again; its client waits longer before."""
_NOTICE = "The server does not answer. The batch waits until it does; no scan fails for that."


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends the attempts of all threads."""

    event: threading.Event = field(default_factory=threading.Event)
    _tokens: set[CancelToken] = field(default_factory=set)

    def token(self) -> CancelToken:
        """A token of one run, which `set` cancels."""
        token = CancelToken()
        self._tokens.add(token)
        if self.event.is_set():
            token.cancel()
        return token

    def drop(self, token: CancelToken) -> None:
        """The run has ended."""
        self._tokens.discard(token)

    def set(self) -> None:
        """Cancels every run."""
        self.event.set()
        for token in list(self._tokens):
            token.cancel()


@dataclass(frozen=True, slots=True)
class Attempts:
    """What the attempts of a batch have in common; called by several threads."""

    run: SubjectRun
    out: Path
    settings: str
    key: str
    """Part of every idempotency key: the batch, and the options of its requests."""
    scratch: Path
    """Folder for temporary files."""
    notice: Callable[[str], None]
    stop: Stop = field(default_factory=Stop)

    def __call__(self, task: Task) -> Record | None:
        """How the attempt ended; None if it was stopped.

        Raises errors that the other scans would meet, too.
        """
        try:
            fingerprint = task.entry.fingerprint()
        except OSError:
            fingerprint = ""  # opening the scan reports it
        try:
            mask = self._patiently(task, fingerprint)
        except JobLost:
            return None
        except Exception as error:
            if ends_batch(error):
                raise
            why = problem(error)
            return Record(task.entry.id, "failed", fingerprint, self.settings, _now(), problem=why)
        path = mask.path.relative_to(self.out).as_posix()
        facts = facts_of(mask.outcome.report)
        return Record(
            task.entry.id, "succeeded", fingerprint, self.settings, _now(), path, facts=facts
        )

    def _patiently(self, task: Task, fingerprint: str) -> Delivered:
        """The mask; a server that does not answer is waited for."""
        parts = [self.key, task.entry.id, fingerprint, self.settings, task.failures]
        key = sha256(json.dumps(parts).encode()).hexdigest()
        while True:
            try:
                return self._once(task, key)
            except ServerUnavailable:
                self.notice(_NOTICE)
            if self.stop.event.wait(_WAIT_S):
                raise JobLost("The batch was stopped.")

    def _once(self, task: Task, key: str) -> Delivered:
        entry = task.entry
        for scan in entry.channels.values():
            if scan.path.resolve().is_relative_to(self.out.resolve()):
                raise BadRequest(
                    "The scan is in the output folder.",
                    expected="Scans outside of it: a mask must not replace a scan.",
                    hint="Give another folder with --out.",
                )
        subject = {name: one.scan() for name, one in entry.channels.items()}
        grid = next(iter(subject.values()))
        token = self.stop.token()
        context = RunContext(token=token, on_preparing=self._preparing, on_notice=self.notice)
        try:
            with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
                shown = nullcontext(context)
                return self.run.segment(subject, grid, task.target, Path(folder), shown, key)
        finally:
            self.stop.drop(token)

    def _preparing(self, preparing: bool) -> None:
        if preparing:
            self.notice(PREPARING)


def facts_of(report: dict[str, Any]) -> dict[str, Any]:
    """What the table states of a mask. `labels`: value, voxels, volume_ml and area_mm2 of each."""
    measured = report["measurements"]
    instances = measured.get("instances")
    names = ("value", "voxels", "volume_ml", "area_mm2")
    return {
        "model": report["model"]["name"],
        "version": report["model"]["version"],
        "device": report["device"],
        "precision": report["precision"],
        "seconds": report["seconds"].get("total"),
        "warnings": list(report["warnings"]),
        "doubts": [doubt["kind"] for doubt in report.get("doubts", ())],
        "uncompared": list(report.get("uncompared", ())),
        "labels": [{name: row.get(name) for name in names} for row in measured.get("labels") or ()],
        "objects": instances["count"] if instances else None,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
