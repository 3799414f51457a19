"""A typed client of Tessera, self-hosted medical image segmentation.

    from tessera_client import Client

    with Client("http://127.0.0.1:8000") as client:
        result = client.segment("t1.nii.gz", "hippocampus-mri-3d")
        print(result.mask, result.report["measurements"])

`AsyncClient` has the same methods for `async` programs.
"""

from tessera_client.async_client import AsyncClient
from tessera_client.client import Client
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
from tessera_client.retries import Retries
from tessera_client.types import (
    Batch,
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
    Upload,
    UploadedMask,
    Verdict,
    Window,
)

__all__ = [
    "AsyncClient",
    "Batch",
    "Choice",
    "Client",
    "Conflict",
    "Format",
    "Health",
    "InvalidAddress",
    "Job",
    "JobFailed",
    "JobOptions",
    "JobRequest",
    "JobState",
    "Label",
    "Model",
    "NotAllowed",
    "NotFound",
    "Problem",
    "Progress",
    "ReaderMeasurement",
    "RefusedScan",
    "RequestRefused",
    "Retries",
    "Review",
    "Scan",
    "Segmentation",
    "Selection",
    "ServerFailed",
    "SeveralScans",
    "Source",
    "TesseraError",
    "Unavailable",
    "UnexpectedResponse",
    "Upload",
    "UploadedMask",
    "Verdict",
    "Window",
]
