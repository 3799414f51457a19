"""Examples of scans, and of what an upload responds, in the description of the API."""

from typing import Any

_SCAN_ID = "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11"
_JOB_ID = "5b1d7c3e9a064d2f8b0c4e6a7f918273"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_TIME = "2026-03-02T10:15:30Z"
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
    "modality": None,
    "window": None,
    "windows": [],
    "inverted": False,
    "value_unit": "",
    "subject": None,
    "series_number": None,
    "study_date": None,
    "masks": [],
}
_WINDOW = {
    "centre": 40.0,
    "width": 400.0,
    "function": "LINEAR",
    "explanation": "SOFT TISSUE",
    "slices": "all",
}
_MASK: dict[str, Any] = {
    "labels": ["Liver", "Spleen"],
    "job": _JOB_ID,
    "scan": _SCAN_ID,
    "problem": None,
}
_CHOICE: dict[str, Any] = {
    "series": "1.2.826.0.1.3680043.8.498.1",
    "stack": 1,
    "volume": None,
    "name": "MR series 3",
    "modality": "MR",
    "slices": 176,
    "rows": 256,
    "columns": 256,
    "localizer": False,
    "positioned": True,
}

_RELATED: dict[str, Any] = {"scan": _SCAN, "relation": "study"}

SCAN_EXAMPLES: dict[str, dict[str, Any]] = {
    "ScanOut": _SCAN,
    "WindowOut": _WINDOW,
    "UploadedMaskOut": _MASK,
    "LabelMapIn": {"mask": "918273c4b5b1d7c3e9a064d2f8b0c4e6"},
    "RelatedScanOut": _RELATED,
    "RelatedScansOut": {"scans": [_RELATED], "more": False},
    "ScanUsesOut": {"jobs": 2, "unfinished": 0, "reviews": 1, "holds": []},
    "TilesOut": {
        "width": 16896,
        "height": 16896,
        "tile_size": 512,
        "min_level": 9,
        "max_level": 15,
        "ready": False,
        "fraction": 0.25,
    },
    "Choice": _CHOICE,
    "RefusedOut": {
        "name": "CT series 2",
        "problem": {
            "type": "urn:tessera:uneven-slices",
            "title": "The slices are tilted or unevenly spaced",
            "status": 422,
            "detail": "4 slices are missing: gaps of 1.00 to 5.00 mm, where 1.00 is usual.",
        },
    },
    "ScansOut": {"scans": [_SCAN], "refused": []},
    "ScanPage": {"scans": [_SCAN], "next_cursor": None},
}
