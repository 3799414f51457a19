"""The JSON of requests and responses, one module for each group of routes."""

from service.schemas.archives import DeliveriesIn, DeliveryOut, PeerOut, PullIn
from service.schemas.fields import (
    UID,
    BatchId,
    Cursor,
    Device,
    IdempotencyKey,
    Identifier,
    JobId,
    ModelName,
    PageLimit,
    PeerName,
    ReviewId,
    ScanId,
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
    "BatchId",
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
    "JobId",
    "JobIn",
    "JobOut",
    "JobPage",
    "LabelOut",
    "ModelName",
    "ModelOut",
    "OptionsIn",
    "PageLimit",
    "PeerName",
    "PeerOut",
    "Problem",
    "ProgressOut",
    "PullIn",
    "RefusedOut",
    "ReviewId",
    "ReviewIn",
    "ReviewOut",
    "ScanId",
    "ScanOut",
    "ScanPage",
    "ScansOut",
    "Text",
]
