"""What the process that trains reports to its worker: one JSON object a line.

{"progress": {...}}                     as TrainingProgress
{"problem": {...}, "passing": false}    RFC 9457; the training failed
{"result": {...}}                       as TrainingResult; the new model's files are in `model`
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jobs.training import Training, TrainingOptions, TrainingPhase, TrainingProgress, TrainingResult

REQUEST, MODEL = "request.json", "model"
"""In the folder of a training: what is requested, and the folder of the new model."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What the process needs to know of a training."""

    project: str
    model: str
    model_sha256: str
    options: TrainingOptions
    threads: int
    """CPU threads; 0: all cores that the process may use."""

    def save(self, folder: Path) -> None:
        """Writes it to the training's folder."""
        (folder / REQUEST).write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> "TrainingRequest":
        """Reads it from the training's folder."""
        values = json.loads((folder / REQUEST).read_bytes())
        return cls(**values | {"options": TrainingOptions(**values["options"])})


def request_of(training: Training, usual_steps: int, threads: int) -> TrainingRequest:
    """The request of a training; with `usual_steps`, unless that is 0, if it states none."""
    options = training.options
    options = replace(options, steps=options.steps or usual_steps or None)
    return TrainingRequest(
        training.project, training.model, training.model_sha256, options, threads
    )


@dataclass(frozen=True, slots=True)
class ReportedFailure:
    """Why the process could not train."""

    problem: Mapping[str, Any]
    passing: bool
    """Whether another attempt may succeed."""


TrainingReport = TrainingProgress | TrainingResult | ReportedFailure


def line_of(report: TrainingReport) -> str:
    """The report as a line."""
    if isinstance(report, ReportedFailure):
        return json.dumps(asdict(report))
    name = "progress" if isinstance(report, TrainingProgress) else "result"
    return json.dumps({name: asdict(report)})


def report_of(line: str | bytes) -> TrainingReport:
    """The report in a line; raises ValueError, KeyError or TypeError for any other text."""
    values = json.loads(line)
    if "problem" in values:
        return ReportedFailure(**values)
    if "result" in values:
        return TrainingResult(**values["result"])
    progress = values["progress"]
    return TrainingProgress(**progress | {"phase": TrainingPhase(progress["phase"])})
