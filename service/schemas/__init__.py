"""What goes over the wire, a file for each room of `service/routes`."""

from service.schemas.jobs import BatchIn, BatchOut, JobIn, JobOut, JobPage, OptionsIn, ProgressOut
from service.schemas.models import Health, LabelOut, ModelOut
from service.schemas.pacs import DeliveriesIn, DeliveryOut, PeerOut, PullIn, SeriesOut
from service.schemas.problem import Choice, Problem
from service.schemas.reviews import ReviewIn, ReviewOut
from service.schemas.scans import RefusedOut, ScanOut, ScanPage, ScansOut
from service.schemas.words import (
    UID,
    Cursor,
    Deliverable,
    Device,
    IdempotencyKey,
    Identifier,
    ModelName,
    Text,
)

__all__ = [
    "UID",
    "BatchIn",
    "BatchOut",
    "Choice",
    "Cursor",
    "Deliverable",
    "DeliveriesIn",
    "DeliveryOut",
    "Device",
    "Health",
    "IdempotencyKey",
    "Identifier",
    "JobIn",
    "JobOut",
    "JobPage",
    "LabelOut",
    "ModelName",
    "ModelOut",
    "OptionsIn",
    "PeerOut",
    "Problem",
    "ProgressOut",
    "PullIn",
    "RefusedOut",
    "ReviewIn",
    "ReviewOut",
    "ScanOut",
    "ScanPage",
    "ScansOut",
    "SeriesOut",
    "Text",
]
