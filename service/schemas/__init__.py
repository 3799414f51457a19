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
    MessageId,
    ModelName,
    PageLimit,
    PeerName,
    ReviewId,
    ScanId,
    Text,
    UploadId,
    WebhookName,
)
from service.schemas.formats import DownloadOut, FormatOut
from service.schemas.jobs import BatchIn, BatchOut, JobIn, JobOut, JobPage, OptionsIn, ProgressOut
from service.schemas.models import Health, LabelOut, ModelOut, Ready
from service.schemas.problem import Choice, Problem
from service.schemas.reviews import ReviewIn, ReviewOut
from service.schemas.scans import RefusedOut, ScanOut, ScanPage, ScansOut, UploadedIn, UploadIn
from service.schemas.tiles import TilesOut
from service.schemas.webhooks import (
    ResentOut,
    WebhookMessageOut,
    WebhookMessagePage,
    WebhookOut,
)

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
    "MessageId",
    "ModelName",
    "ModelOut",
    "OptionsIn",
    "PageLimit",
    "PeerName",
    "PeerOut",
    "Problem",
    "ProgressOut",
    "PullIn",
    "Ready",
    "RefusedOut",
    "ResentOut",
    "ReviewId",
    "ReviewIn",
    "ReviewOut",
    "ScanId",
    "ScanOut",
    "ScanPage",
    "ScansOut",
    "Text",
    "TilesOut",
    "UploadId",
    "UploadIn",
    "UploadedIn",
    "WebhookMessageOut",
    "WebhookMessagePage",
    "WebhookName",
    "WebhookOut",
]
