"""Trains what a request asks for, in the folder of the training."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cli.data_set.stored_masks import stored_masks
from cli.model_registry import registry
from imaging.errors import BadModel
from jobs import problem
from jobs.settings import Settings
from jobs.training import TrainingPhase, TrainingProgress, TrainingResult
from jobs.training_reports import MODEL, ReportedFailure, TrainingRequest
from models.card import ModelCard
from models.data_set.export import ExportOptions, export_data_set
from models.data_set.manifest import MANIFEST, Manifest
from models.data_set.outlook import outlook
from models.data_set.versions import versions_of
from models.registry import Model
from workers.job_problem import is_transient, problem_of

if TYPE_CHECKING:  # it takes seconds to import, while masks are collected already
    from models.training.fine_tune import FineTuned, FineTuneProgress

_DATA, _RUN = "data", "run"
_STEPS_PER_CASE, _FEWEST_STEPS = 20, 200
_EVERY_S = 0.25
"""Reports of the same phase are at least this far apart, in seconds."""

Say = Callable[[TrainingProgress], None]


def requested_training(request: TrainingRequest, folder: Path, say: Say) -> TrainingResult:
    """Exports the masks, unless an earlier attempt did, and trains; the new model is in `model`.

    Raises what `export_data_set` and `fine_tune` raise, and BadModel where the parent on this
    machine is another one than the gateway's.
    """
    say(TrainingProgress(TrainingPhase.COLLECTING))
    parent = registry().network(request.model)
    _check(parent, request)
    if not (folder / _DATA / MANIFEST).is_file():  # a training keeps the masks that it began with
        _export(parent, request, folder, say)
    from models.training.fine_tune import FineTuneOptions, fine_tune

    options = FineTuneOptions(
        steps=request.options.steps or _usual_steps(folder / _DATA),
        version=request.options.version,
        threads=request.threads,
    )
    reports = _Reports(say)
    tuned = fine_tune(parent.folder, folder / _DATA, folder / _RUN, options, reports)
    return _result(tuned, folder)


def failure_of(error: Exception) -> ReportedFailure:
    """The error as the worker stores it; the log gets more of an unexpected one."""
    members = problem_of(error)
    if isinstance(error, MemoryError):
        members |= {
            "detail": "The worker does not have enough memory to train this model.",
            "expected": "Memory for the network, its gradients and a batch of examples.",
            "hint": "Train on a worker with more memory.",
        }
    elif members["type"] == problem.unexpected("")["type"]:
        members |= {
            "expected": "A new model.",
            "hint": "Start the training again. If it fails again, report the id to your "
            "administrator.",
        }
    return ReportedFailure(members, passing=is_transient(error))


def _check(parent: Model, request: TrainingRequest) -> None:
    if parent.card.checksum != request.model_sha256:
        raise BadModel(
            f"The network of {request.model} on this worker is another one than the gateway's.",
            expected=f"The network with the checksum {request.model_sha256[:12]}...",
            hint="Add the same model to every worker, then start the training again.",
        )


def _export(parent: Model, request: TrainingRequest, folder: Path, say: Say) -> None:
    cards = versions_of(parent.card, [model.card for model in registry().all()])
    checksums = {card.checksum for card in cards}
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)

    def on_case(done: int, total: int) -> None:
        say(TrainingProgress(TrainingPhase.COLLECTING, done, total))

    with stored_masks(request.project, [card.full_name for card in cards], scratch) as masks:
        found = outlook(masks.cases(), parent.card, checksums)
        if found.problem is not None:
            raise found.problem
        options = ExportOptions(found.held_out_share)
        export_data_set(masks, parent.card, checksums, folder / _DATA, options, on_case)
    shutil.rmtree(scratch, ignore_errors=True)


def _usual_steps(data: Path) -> int:
    """More for larger data sets; see docs/how-to/learn-from-corrections.md."""
    cases = Manifest.load(data).counts["training_cases"]
    usual = max(_FEWEST_STEPS, _STEPS_PER_CASE * cases)
    return min(usual, Settings().training_max_steps)


def _result(tuned: "FineTuned", folder: Path) -> TrainingResult:
    card = ModelCard.load(tuned.folder / "card.json")
    counts = Manifest.load(folder / _DATA).counts
    if tuned.folder != folder / MODEL:
        shutil.rmtree(folder / MODEL, ignore_errors=True)
        shutil.copytree(tuned.folder, folder / MODEL)
    return TrainingResult(
        version=tuned.version,
        sha256=card.checksum,
        training_cases=counts["training_cases"],
        held_out_cases=tuned.cases,
        before=tuned.before,
        after=tuned.after,
    )


class _Reports:
    """Turns the progress of a fine-tuning into reports, a few a second."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._phase: TrainingPhase | None = None
        self._said_at = 0.0
        self._continued_from: int | None = None

    def __call__(self, progress: "FineTuneProgress") -> None:
        phase = TrainingPhase(progress.phase.value)
        if phase is TrainingPhase.TRAINING and self._continued_from is None:
            self._continued_from = progress.step  # what was done when this process began
        if phase is self._phase and time.monotonic() < self._said_at + _EVERY_S:
            return
        self._phase, self._said_at = phase, time.monotonic()
        self._say(
            TrainingProgress(
                phase,
                progress.step,
                progress.total,
                progress.loss,
                progress.seconds_left,
                self._continued_from,
            )
        )
