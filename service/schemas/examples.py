"""One example for each schema; a test parses each with its schema."""

from typing import Any

from imaging.given_mask import DEFAULT_MARGIN_MM
from service.schemas.account_examples import ACCOUNT_EXAMPLES
from service.schemas.audit_examples import AUDIT_EXAMPLES
from service.schemas.comparison_examples import COMPARISON_EXAMPLES
from service.schemas.delivery_examples import DELIVERY_EXAMPLES
from service.schemas.reading_examples import READING_EXAMPLES
from service.schemas.retention_examples import RETENTION_EXAMPLES
from service.schemas.scan_examples import SCAN_EXAMPLES
from service.schemas.training_examples import TRAINING_EXAMPLES

_SCAN_ID = "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11"
_JOB_ID = "5b1d7c3e9a064d2f8b0c4e6a7f918273"
_DRAFT_ID = "18273e6a7f9b1d7c3e9a064d2f8b0c4e"
_BATCH_ID = "c4e6a7f9182735b1d7c3e9a064d2f8b0"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_TIME = "2026-03-02T10:15:30Z"
_DRAFT = {
    "id": _DRAFT_ID,
    "job": _JOB_ID,
    "reader": "R1",
    "base": None,
    "changes": 12,
    "seconds": 74.5,
    "created_at": _TIME,
    "updated_at": _TIME,
}
_OPTIONS = {
    "device": "auto",
    "precision": "auto",
    "tile": None,
    "mask": None,
    "margin_mm": DEFAULT_MARGIN_MM,
}
_DOUBT = {
    "kind": "extent",
    "text": "Its extent is 197 mm R-L (training: 25 to 60 mm).",
}
_LABEL = {"value": 1, "name": "anterior hippocampus", "color": "#e6442e"}
_JOB_IN = {"scan": _SCAN_ID, "model": "hippocampus-mri-3d", "priority": 7}
_UPLOAD = {"id": "273c4b1d7c3e9a064d2f8b05e6a7f918", "sha256": _SHA256}
_JOB: dict[str, Any] = {
    "id": _JOB_ID,
    "state": "running",
    "model": "hippocampus-mri-3d",
    "model_version": "1.0.0",
    "scans": {"t1": _SCAN_ID},
    "scan_name": "t1.nii.gz",
    "modality": None,
    "subject": None,
    "study_date": None,
    "priority": 7,
    "options": _OPTIONS,
    "batch": None,
    "attempt": 1,
    "progress": {"tiles_done": 3, "tiles_total": 8, "fraction": 0.375, "preparing": False},
    "waiting_for": None,
    "queue": "any",
    "place_in_queue": None,
    "no_worker": False,
    "eta": "2026-03-02T10:15:42Z",
    "created_at": _TIME,
    "started_at": "2026-03-02T10:15:32Z",
    "finished_at": None,
    "error": None,
    "verdict": None,
    "reviewer": None,
    "review": None,
    "assignee": "Dr. Okafor",
    "second_reading": None,
    "warnings": 0,
    "doubts": 0,
    "unusual_sizes": [],
    "mask_format": None,
    "uploaded": False,
    "uploaded_name": None,
    "uploaded_by": None,
}
_UNUSUAL_SIZE = {
    "label": 1,
    "name": "liver",
    "size": 5032.0,
    "unit": "ml",
    "usual": 1480.0,
    "ratio": 3.4,
    "masks": 140,
}
_OUTCOME = {"job": _JOB_ID, "outcome": "done", "review": "3e9a064d2f8b05e6a7f918273c4b1d7c"}
_DRAWN: dict[str, Any] = {
    "id": "length-1",
    "kind": "length",
    "label": "tail",
    "points": [[12.5, -30.0, 8.0], [12.5, -24.0, 16.0]],
}
_MEASURED = _DRAWN | {"size": 10.0, "unit": "mm"}
_NO_VALUES = {
    **dict.fromkeys(("voxels", "mean", "sd", "minimum", "maximum", "value")),
    "value_unit": "",
}

_DRAFT = {
    "id": _DRAFT_ID,
    "job": _JOB_ID,
    "reader": "R1",
    "base": None,
    "changes": 12,
    "seconds": 74.5,
    "created_at": _TIME,
    "updated_at": _TIME,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Problem": {
        "type": "urn:tessera:scan-too-large",
        "title": "Too large",
        "status": 413,
        "detail": "The image has 60,000 x 60,000 pixels.",
        "expected": "At most 268,435,456 pixels.",
        "hint": "Crop or down-sample it, or raise the limit in the settings.",
    },
    **SCAN_EXAMPLES,
    **COMPARISON_EXAMPLES,
    "JobCountsOut": {
        "total": 40,
        "states": {"running": 1, "succeeded": 39},
        "verdicts": {"accepted": 25, "rejected": 2, "to_review": 12},
        "models": {"hippocampus-mri-3d": 40},
        "modalities": {"MR": 31},
        "reviewers": {"Dr. Okafor": 27},
        "assignees": {"Dr. Okafor": 5},
        "readings": {"open": 4, "adjudicate": 1},
    },
    "FormatOut": {
        "name": "nrrd",
        "title": "NRRD",
        "endings": [".nrrd"],
        "media_type": "application/octet-stream",
        "scan_dimensions": [3],
        "mask_dimensions": [2, 3],
        "report": False,
        "scan_format": None,
        "delivery": None,
    },
    "DownloadOut": {
        "kind": "mask",
        "format": "nrrd",
        "title": "NRRD",
        "url": f"/v1/jobs/{_JOB_ID}/mask?format=nrrd",
        "delivery": None,
    },
    "OptionsIn": {"device": "cpu", "precision": "fp32", "tile": [128, 128, 128]},
    "JobIn": _JOB_IN,
    "ProgressOut": _JOB["progress"],
    "JobOut": _JOB,
    "JobPage": {"jobs": [_JOB], "next_cursor": None},
    "BatchIn": {"name": "study 12", "jobs": [_JOB_IN]},
    "BatchOut": {
        "id": _BATCH_ID,
        "name": "study 12",
        "created_at": _TIME,
        "jobs": [_JOB_ID],
        "states": {"running": 1},
        "fraction": 0.0,
    },
    "UploadIn": _UPLOAD,
    "UploadedIn": {"uploads": [_UPLOAD]},
    "ReviewIn": {
        "verdict": "rejected",
        "reasons": ["missed-part"],
        "comment": "The tail is missing.",
        "reviewer": "R1",
        "seen": "",
        "measurements": [_DRAWN],
    },
    "DraftIn": {"reader": "R1", "base": None},
    "DraftOut": _DRAFT,
    "DraftsOut": {"drafts": [_DRAFT]},
    "LabelChangeOut": {"label": 1, "added": 412, "removed": 37},
    "ReviewOut": {
        "id": "e6a7f918273c4b1d7c3e9a064d2f8b05",
        "job": _JOB_ID,
        "verdict": "rejected",
        "reasons": ["missed-part"],
        "comment": "The tail is missing.",
        "reviewer": "R1",
        "created_at": _TIME,
        "withdrawn_at": None,
        "mask_format": None,
        "role": None,
        "measurements": [_MEASURED],
        "base": None,
        "seconds": None,
        "changes": [],
    },
    "MeasurementIn": _DRAWN,
    "MeasurementOut": _MEASURED,
    "ReadMeasurementOut": _MEASURED | _NO_VALUES,
    "ReviewMeasurementsOut": {
        "review": "e6a7f918273c4b1d7c3e9a064d2f8b05",
        "reader": "R1",
        "measurements": [_MEASURED | _NO_VALUES],
    },
    **READING_EXAMPLES,
    **TRAINING_EXAMPLES,
    "ViewerIn": {"reader": "R1"},
    "ViewerOut": {"reader": "R2", "since": _TIME},
    "UnusualSizeOut": _UNUSUAL_SIZE,
    "AccountOut": {
        "reader": "Dr. Okafor",
        "project": "liver-study",
        "permissions": ["jobs:read", "results:read", "reviews:write"],
        "login": "okafor",
        "method": "password",
        "projects": [{"name": "liver-study", "role": "reader"}],
    },
    **ACCOUNT_EXAMPLES,
    "AssigneeIn": {"assignee": "Dr. Okafor", "seen": ""},
    "AssignedJobIn": {"id": _JOB_ID, "seen": ""},
    "ReviewedJobIn": {"id": _JOB_ID, "seen": ""},
    "AssignmentsIn": {"assignee": "Dr. Okafor", "jobs": [{"id": _JOB_ID, "seen": ""}]},
    "AssignmentOut": {"job": _JOB_ID, "outcome": "done"},
    "AssignmentsOut": {"results": [{"job": _JOB_ID, "outcome": "done"}]},
    "BatchReviewIn": {"verdict": "accepted", "jobs": [{"id": _JOB_ID, "seen": ""}]},
    "BatchOutcomeOut": _OUTCOME,
    "BatchReviewOut": {"id": _BATCH_ID, "results": [_OUTCOME]},
    "WithdrawnOut": {"jobs": [_JOB_ID]},
    "ViewersOut": {"account": "", "others": [{"reader": "R2", "since": _TIME}]},
    **AUDIT_EXAMPLES,
    **RETENTION_EXAMPLES,
    **DELIVERY_EXAMPLES,
    "LabelOut": _LABEL,
    "DoubtOut": _DOUBT,
    "ModelFitOut": {
        "model": "hippocampus-mri-3d",
        "channel": "t1",
        "doubts": [_DOUBT],
        "matches": ["modality", "spacing"],
        "unknown": [],
    },
    "ModelOut": {
        "name": "hippocampus-mri-3d",
        "version": "1.0.0",
        "title": "Hippocampus in T1 MRI",
        "description": "Anterior and posterior hippocampus.",
        "dimension": 3,
        "channels": ["t1"],
        "labels": [_LABEL],
        "instances": False,
        "exact": True,
        "licence": "Apache-2.0",
        "intended_use": "Research use only; not for clinical use.",
        "card": {"name": "hippocampus-mri-3d", "version": "1.0.0"},
    },
    "Ready": {
        "status": "ok",
        "parts": {"database": "ok", "broker": "ok"},
        "version": "1.2.0",
        "workers": {"1.2.0": 2},
    },
    "Health": {"status": "ok", "parts": {"database": "ok", "broker": "ok"}},
}
