"""The JSON of requests and responses, one module for each group of routes."""

from service.schemas.archives import DeliveriesIn, DeliveryOut, PeerOut, PullIn
from service.schemas.fields import (
    UID,
    Cursor,
    Device,
    IdempotencyKey,
    Identifier,
    ModelName,
    Text,
)
from service.schemas.formats import DownloadOut, FormatOut
from service.schemas.jobs import BatchIn, BatchOut, JobIn, JobOut, JobPage, OptionsIn, ProgressOut
from service.schemas.models import Health, LabelOut, ModelOut
from service.schemas.problem import Choice, Problem
from service.schemas.reviews import ReviewIn, ReviewOut
from service.schemas.scans import RefusedOut, ScanOut, ScanPage, ScansOut

__all__ = [
    "UID",
    "BatchIn",
    "BatchOut",
    "Choice",
    "Cursor",
    "DeliveriesIn",
    "DeliveryOut",
    "Device",
    "DownloadOut",
    "FormatOut",
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
    "Text",
]
