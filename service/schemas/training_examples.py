"""Examples of trainings in the description of the API."""

from typing import Any

_TIME = "2026-03-02T10:15:30Z"
_PROGRESS: dict[str, Any] = {
    "phase": "training",
    "step": 120,
    "total": 300,
    "loss": 0.21,
    "seconds_left": 540.0,
    "continued_from": 0,
}
_RESULT: dict[str, Any] = {
    "model": "hippocampus-mri-3d@2",
    "version": "2",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "training_cases": 24,
    "held_out_cases": 6,
    "before": {"dice": 0.84, "dice_1": 0.85, "dice_2": 0.83},
    "after": {"dice": 0.88, "dice_1": 0.89, "dice_2": 0.87},
    "is_worse": False,
}
_TRAINING: dict[str, Any] = {
    "id": "7f918273c4b1d7c3e9a064d2f8b05e6a",
    "state": "succeeded",
    "model": "hippocampus-mri-3d",
    "model_version": "1",
    "new_version": "2",
    "steps": None,
    "requested_by": "",
    "attempt": 1,
    "progress": _PROGRESS,
    "waiting_for": None,
    "no_worker": False,
    "created_at": _TIME,
    "started_at": _TIME,
    "finished_at": _TIME,
    "error": None,
    "result": _RESULT,
    "published_at": _TIME,
    "publish_error": None,
}

TRAINING_EXAMPLES: dict[str, dict[str, Any]] = {
    "TrainingIn": {"model": "hippocampus-mri-3d", "steps": 300},
    "TrainingProgressOut": _PROGRESS,
    "TrainingResultOut": _RESULT,
    "TrainingOut": _TRAINING,
    "TrainingPage": {"trainings": [_TRAINING], "next_cursor": None},
    "TrainingPreviewOut": {
        "model": "hippocampus-mri-3d",
        "accepted": 18,
        "corrected": 12,
        "training_cases": 24,
        "training_subjects": 24,
        "held_out_cases": 6,
        "held_out_subjects": 6,
        "left_out": {"only a part of the scan was segmented": 1},
        "trainable": True,
        "problem": None,
        "worker_problem": None,
        "running": None,
    },
}
