"""Rows of the tables as dataclasses."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from imaging.editable_mask import LabelChange
from imaging.reader_measurements.measurement import MeasurementKind, ReaderMeasurement
from imaging.scan_display import ScanDisplay
from jobs.delivery import Commitment, Delivery, DeliveryState
from jobs.job import Job, JobState, Options, Progress
from jobs.review import Reason, Review, Role
from jobs.stored_scan import StoredScan
from jobs.webhook import JobEnd, MessageState, WebhookMessage

Row = RowMapping


def scan_of(row: Row) -> StoredScan:
    """The scan of a row of `scans`."""
    spacing = row["spacing_mm"]
    return StoredScan(
        id=row["id"],
        project=row["project"],
        sha256=row["sha256"],
        name=row["name"],
        format=row["format"],
        shape=tuple(row["shape"]),
        dtype=row["dtype"],
        spacing_mm=None if spacing is None else tuple(spacing),
        affine=tuple(tuple(line) for line in row["affine"]),
        bytes=row["bytes"],
        warnings=tuple(row["warnings"]),
        created_at=row["created_at"],
        series=row["series"],
        images=row["images"],
        impossible_formats=tuple(row["impossible_formats"]),
        traceparent=row["traceparent"],
        modality=row["modality"],
        display=None if row["display"] is None else ScanDisplay.of_json(row["display"]),
    )


_NEWER_OPTIONS = ("mask", "margin_mm")
"""Options that jobs of older versions do not have."""


def job_of(row: Row, channels: Sequence[Row]) -> Job:
    """The job of a row of `jobs` and its rows of `job_scans`, ordered by position."""
    tile = row["options"]["tile"]
    same = {
        name: row[name]
        for name in (
            *("id", "project", "model", "model_version", "model_sha256", "priority", "queue"),
            *("attempt", "fence", "created_at", "batch", "worker", "lease_until", "sent_at"),
            *("started_at", "finished_at", "mask_sha256", "mask_format", "preview_sha256"),
            *("error", "verdict", "traceparent", "uploaded_name", "uploaded_by"),
        )
    }
    return Job(
        scans={channel["channel"]: channel["scan"] for channel in channels},
        options=Options(
            device=row["options"]["device"],
            precision=row["options"]["precision"],
            tile=None if tile is None else tuple(tile),
            **{name: row["options"][name] for name in _NEWER_OPTIONS if name in row["options"]},
        ),
        state=JobState(row["state"]),
        progress=Progress(
            *(row[name] for name in ("tiles_done", "tiles_total", "preparing", "waiting_for"))
        ),
        **same,
    )


def review_of(row: Row) -> Review:
    """The review of a row of `reviews`."""
    values = {name: row[name] for name in Review.__dataclass_fields__}
    values["role"] = None if row["role"] is None else Role(row["role"])
    reasons = tuple(Reason(reason) for reason in row["reasons"])
    drawn = tuple(_drawn(one) for one in row["measurements"])
    changes = tuple(LabelChange(**one) for one in row["changes"])
    return Review(**values | {"reasons": reasons, "measurements": drawn, "changes": changes})


def _drawn(stored: dict[str, Any]) -> ReaderMeasurement:
    points = tuple(tuple(point) for point in stored["points"])
    return ReaderMeasurement(**stored | {"kind": MeasurementKind(stored["kind"]), "points": points})


def delivery_of(row: Row) -> Delivery:
    """The delivery of a row of `deliveries`."""
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    commitment = row["commitment"]
    return Delivery(
        **values
        | {
            "state": DeliveryState(row["state"]),
            "commitment": None if commitment is None else Commitment(commitment),
        }
    )


def job_end_of(row: Row) -> JobEnd:
    """The job's end of a row of `job_ends`."""
    values = {name: row[name] for name in JobEnd.__dataclass_fields__}
    return JobEnd(**values | {"state": JobState(row["state"])})


def message_of(row: Row) -> WebhookMessage:
    """The message of a row of `webhook_messages`."""
    values = {name: row[name] for name in WebhookMessage.__dataclass_fields__}
    return WebhookMessage(**values | {"state": MessageState(row["state"])})
