"""A typed client of Tessera, self-hosted medical image segmentation.

    from tessera_client import Client

    with Client("http://127.0.0.1:8000") as client:
        result = client.segment("t1.nii.gz", "hippocampus-mri-3d")
        print(result.mask, result.report["measurements"])

`AsyncClient` has the same methods for `async` programs.
"""

from tessera_client.async_client import AsyncClient
from tessera_client.client import Client
from tessera_client.comparison_types import (
    ComparedMask,
    LabelComparison,
    MaskComparison,
)
from tessera_client.correction_types import Draft, LabelChange, Run
from tessera_client.errors import (
    Conflict,
    InvalidAddress,
    JobFailed,
    NotAllowed,
    NotFound,
    RequestRefused,
    ServerFailed,
    SeveralScans,
    TesseraError,
    Unavailable,
    UnexpectedResponse,
)
from tessera_client.reading_types import (
    Estimate,
    MaskOverlap,
    ReaderAgreement,
    ReadingAgreement,
    ReadingOptions,
    ReadingProgress,
    ReadingState,
    SecondReading,
    Unblinding,
    Verdict,
    VerdictPair,
)
from tessera_client.retries import Retries
from tessera_client.types import (
    Assignment,
    Batch,
    BatchOutcome,
    BatchReview,
    Choice,
    Format,
    Health,
    Job,
    JobOptions,
    JobRequest,
    JobState,
    Label,
    Model,
    Problem,
    Progress,
    ReaderMeasurement,
    RefusedScan,
    Review,
    Scan,
    Segmentation,
    Selection,
    Source,
    UnusualSize,
    Upload,
    UploadedMask,
    Window,
)

__all__ = [
    "Assignment",
    "AsyncClient",
    "Batch",
    "BatchOutcome",
    "BatchReview",
    "Choice",
    "Client",
    "ComparedMask",
    "Conflict",
    "Draft",
    "Estimate",
    "Format",
    "Health",
    "InvalidAddress",
    "Job",
    "JobFailed",
    "JobOptions",
    "JobRequest",
    "JobState",
    "Label",
    "LabelChange",
    "LabelComparison",
    "MaskComparison",
    "MaskOverlap",
    "Model",
    "NotAllowed",
    "NotFound",
    "Problem",
    "Progress",
    "ReaderAgreement",
    "ReaderMeasurement",
    "ReadingAgreement",
    "ReadingOptions",
    "ReadingProgress",
    "ReadingState",
    "RefusedScan",
    "RequestRefused",
    "Retries",
    "Review",
    "Run",
    "Scan",
    "SecondReading",
    "Segmentation",
    "Selection",
    "ServerFailed",
    "SeveralScans",
    "Source",
    "TesseraError",
    "Unavailable",
    "Unblinding",
    "UnexpectedResponse",
    "UnusualSize",
    "Upload",
    "UploadedMask",
    "Verdict",
    "VerdictPair",
    "Window",
]
