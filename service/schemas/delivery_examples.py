"""Examples of peers, deliveries and webhooks in the description of the API."""

from typing import Any

_JOB_ID = "5b1d7c3e9a064d2f8b0c4e6a7f918273"
_UID = "2.25.62105427281741024861940738219560421337"
_TIME = "2026-03-02T10:15:30Z"
_MESSAGE: dict[str, Any] = {
    "id": "msg_1d7c3e9a064d2f8b05e6a7f918273c4b",
    "webhook": "ris",
    "event": "job.succeeded",
    "job": _JOB_ID,
    "batch": None,
    "state": "delivered",
    "attempts": 1,
    "created_at": _TIME,
    "due_at": None,
    "finished_at": _TIME,
    "status": 204,
    "error": None,
}

DELIVERY_EXAMPLES: dict[str, dict[str, Any]] = {
    "PeerOut": {"name": "archive", "search": True, "send": "stow-rs"},
    "RemoteSeries": {
        "StudyInstanceUID": _UID,
        "SeriesInstanceUID": f"{_UID}.1",
        "PatientID": "4711",
        "PatientName": "Doe^Jane",
        "StudyDate": "20260302",
        "StudyDescription": "Head",
        "Modality": "MR",
        "SeriesDescription": "T1",
        "SeriesNumber": "3",
        "BodyPartExamined": "HEAD",
        "NumberOfSeriesRelatedInstances": 176,
    },
    "PullIn": {"from": "archive", "series": f"{_UID}.1"},
    "DeliveriesIn": {"to": ["archive"], "formats": ["dicom-seg", "dicom-sr"], "review": None},
    "DeliveryOut": {
        "id": "a7f918273c4b1d7c3e9a064d2f8b05e6",
        "job": _JOB_ID,
        "to": "archive",
        "format": "dicom-seg",
        "state": "sent",
        "attempts": 1,
        "created_at": _TIME,
        "due_at": None,
        "finished_at": _TIME,
        "error": None,
        "review": None,
        "sent_as": "dicom-seg",
        "commitment": "committed",
    },
    "WebhookOut": {
        "name": "ris",
        "events": ["job.succeeded", "job.failed"],
        "models": ["hippocampus-*"],
    },
    "WebhookMessageOut": _MESSAGE,
    "WebhookMessagePage": {"messages": [_MESSAGE], "next_cursor": "41"},
    "ResentOut": {"resent": 12},
}
