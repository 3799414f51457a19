"""One example for every model on the wire; a test reads each back through its model."""

from typing import Any

_SCAN_ID = "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11"
_JOB_ID = "5b1d7c3e9a064d2f8b0c4e6a7f918273"
_BATCH_ID = "c4e6a7f9182735b1d7c3e9a064d2f8b0"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_TIME = "2026-03-02T10:15:30Z"
_OPTIONS = {"device": "auto", "precision": "auto", "tile": None}
_LABEL = {"value": 1, "name": "anterior hippocampus", "color": "#e6442e"}
_JOB_IN = {"scan": _SCAN_ID, "model": "hippocampus-mri-3d", "priority": 7}
_SCAN: dict[str, Any] = {
    "id": _SCAN_ID,
    "name": "t1.nii.gz",
    "format": "nifti",
    "dimension": 3,
    "shape": [1, 197, 233, 189],
    "dtype": "int16",
    "spacing_mm": [1.0, 1.0, 1.0],
    "affine": [[1, 0, 0, -98], [0, 1, 0, -134], [0, 0, 1, -72], [0, 0, 0, 1]],
    "bytes": 4_711_250,
    "sha256": _SHA256,
    "warnings": [],
    "created_at": _TIME,
    "series": None,
}
_CHOICE: dict[str, Any] = {
    "series": "1.2.826.0.1.3680043.8.498.1",
    "stack": 1,
    "name": "MR series 3",
    "modality": "MR",
    "slices": 176,
    "rows": 256,
    "columns": 256,
    "localizer": False,
    "volume": True,
}
_JOB: dict[str, Any] = {
    "id": _JOB_ID,
    "state": "running",
    "model": "hippocampus-mri-3d",
    "model_version": "1.0.0",
    "scans": {"t1": _SCAN_ID},
    "scan_name": "t1.nii.gz",
    "priority": 7,
    "options": _OPTIONS,
    "batch": None,
    "attempt": 1,
    "progress": {"tiles_done": 3, "tiles_total": 8, "fraction": 0.375},
    "place_in_queue": None,
    "eta": "2026-03-02T10:15:42Z",
    "created_at": _TIME,
    "started_at": "2026-03-02T10:15:32Z",
    "finished_at": None,
    "error": None,
    "verdict": None,
    "mask_format": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Problem": {
        "type": "urn:tessera:scan-too-large",
        "title": "Too large",
        "status": 413,
        "detail": "The picture has 60,000 x 60,000 pixels.",
        "expected": "At most 268,435,456 pixels.",
        "todo": "Cut or down-sample it, or raise the limit in the settings.",
    },
    "ScanOut": _SCAN,
    "Choice": _CHOICE,
    "RefusedOut": {
        "name": "CT series 2",
        "problem": {
            "type": "urn:tessera:broken-geometry",
            "title": "The slices make no volume",
            "status": 422,
            "detail": "4 slices are missing: gaps of 1.00 to 5.00 mm, where 1.00 is usual.",
        },
    },
    "ScansOut": {"scans": [_SCAN], "refused": []},
    "ScanPage": {"scans": [_SCAN], "next_cursor": None},
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
    "ReviewIn": {"verdict": "accepted", "comment": "The tail is complete.", "reviewer": "R1"},
    "ReviewOut": {
        "id": "e6a7f918273c4b1d7c3e9a064d2f8b05",
        "job": _JOB_ID,
        "verdict": "accepted",
        "comment": "The tail is complete.",
        "reviewer": "R1",
        "created_at": _TIME,
        "mask_format": None,
    },
    "LabelOut": _LABEL,
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
    "Health": {"status": "ok", "parts": {"database": "ok", "broker": "ok"}},
}
