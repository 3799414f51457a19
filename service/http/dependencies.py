"""What routes may ask for: use cases, rows and settings of HTTP, each by its type.

`service.wiring` provides one object of each type. A route receives just those that it names.
"""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from jobs.repository import (
    Accounts,
    ApiKeys,
    Assignments,
    Audit,
    Batches,
    BatchReviews,
    Drafts,
    Jobs,
    LegalHolds,
    Readings,
    RelatedScans,
    RetentionReports,
    RetentionRules,
    Reviews,
    Scans,
    Trainings,
    Viewers,
    Webhooks,
    Worklist,
)
from models.registry import Registry
from service.auth import KnownCallers, SignInSessions
from service.http.threads import (
    AssistantThreads,
    DispatchThreads,
    PasswordThreads,
    PeerThreads,
    ProviderThreads,
    UploadThreads,
    ViewThreads,
)
from service.http.uploads import UploadSpace
from service.resources.metrics import Metrics
from service.resources.partial_uploads import PartialUploads
from service.resources.routing_table import RoutingTable
from service.resources.sign_in_limits import SignInLimits
from service.use_cases.archives import Archives
from service.use_cases.assistance import Assistance
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.comparisons import Comparisons
from service.use_cases.corrected_masks import CorrectedMasks
from service.use_cases.corrections import Corrections
from service.use_cases.deliveries import Deliveries
from service.use_cases.draft_edits import DraftEdits
from service.use_cases.image_sessions import ImageSessions
from service.use_cases.job_status import JobStatuses
from service.use_cases.job_watcher import JobWatcher
from service.use_cases.model_fits import ModelFits
from service.use_cases.named_scans import NamedScans
from service.use_cases.openid import OpenId
from service.use_cases.orders import Orders
from service.use_cases.password_sign_in import PasswordSignIn
from service.use_cases.peer_health import PeerHealth
from service.use_cases.publications import Publications
from service.use_cases.reader_measurements import ReaderMeasurements
from service.use_cases.readiness import Readiness
from service.use_cases.results import Results
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.scan_removal import ScanRemoval
from service.use_cases.scan_views import ScanViews
from service.use_cases.second_readings import SecondReadings
from service.use_cases.storage_room import StorageRoom
from service.use_cases.tiles import Tiles
from service.use_cases.training_orders import TrainingOrders
from service.use_cases.training_status import TrainingStatuses, TrainingWatcher
from service.use_cases.uploaded_masks import UploadedMasks
from service.use_cases.uploaded_scans import UploadedScans


def provided(kind: type) -> Any:
    """A dependency that yields the gateway's object of this type."""

    async def provide(request: Request) -> Any:  # async: FastAPI runs it without a thread
        return request.app.state.services[kind]

    return Depends(provide)


async def _openid(request: Request) -> OpenId | None:
    openid: OpenId | None = request.app.state.services.get(OpenId)
    return openid


AccountsDep = Annotated[Accounts, provided(Accounts)]
ApiKeysDep = Annotated[ApiKeys, provided(ApiKeys)]
ArchivesDep = Annotated[Archives, provided(Archives)]
AssistanceDep = Annotated[Assistance, provided(Assistance)]
AuditRecorderDep = Annotated[AuditRecorder, provided(AuditRecorder)]
AuditDep = Annotated[Audit, provided(Audit)]
AssistantThreadsDep = Annotated[AssistantThreads, provided(AssistantThreads)]
AssignmentsDep = Annotated[Assignments, provided(Assignments)]
BatchReviewsDep = Annotated[BatchReviews, provided(BatchReviews)]
BatchesDep = Annotated[Batches, provided(Batches)]
ComparisonsDep = Annotated[Comparisons, provided(Comparisons)]
CorrectedMasksDep = Annotated[CorrectedMasks, provided(CorrectedMasks)]
CorrectionsDep = Annotated[Corrections, provided(Corrections)]
DeliveriesDep = Annotated[Deliveries, provided(Deliveries)]
DispatchThreadsDep = Annotated[DispatchThreads, provided(DispatchThreads)]
DraftEditsDep = Annotated[DraftEdits, provided(DraftEdits)]
DraftsDep = Annotated[Drafts, provided(Drafts)]
ImageSessionsDep = Annotated[ImageSessions, provided(ImageSessions)]
JobStatusesDep = Annotated[JobStatuses, provided(JobStatuses)]
JobWatcherDep = Annotated[JobWatcher, provided(JobWatcher)]
JobsDep = Annotated[Jobs, provided(Jobs)]
KnownCallersDep = Annotated[KnownCallers, provided(KnownCallers)]
LegalHoldsDep = Annotated[LegalHolds, provided(LegalHolds)]
MetricsDep = Annotated[Metrics, provided(Metrics)]
ModelFitsDep = Annotated[ModelFits, provided(ModelFits)]
NamedScansDep = Annotated[NamedScans, provided(NamedScans)]
OpenIdDep = Annotated[OpenId | None, Depends(_openid)]
OrdersDep = Annotated[Orders, provided(Orders)]
PartialUploadsDep = Annotated[PartialUploads, provided(PartialUploads)]
PasswordSignInDep = Annotated[PasswordSignIn, provided(PasswordSignIn)]
PasswordThreadsDep = Annotated[PasswordThreads, provided(PasswordThreads)]
PeerHealthDep = Annotated[PeerHealth, provided(PeerHealth)]
PublicationsDep = Annotated[Publications, provided(Publications)]
ReadingsDep = Annotated[Readings, provided(Readings)]
ReadinessDep = Annotated[Readiness, provided(Readiness)]
RegistryDep = Annotated[Registry, provided(Registry)]
ReaderMeasurementsDep = Annotated[ReaderMeasurements, provided(ReaderMeasurements)]
RelatedScansDep = Annotated[RelatedScans, provided(RelatedScans)]
ResultsDep = Annotated[Results, provided(Results)]
RetentionReportsDep = Annotated[RetentionReports, provided(RetentionReports)]
RetentionRulesDep = Annotated[RetentionRules, provided(RetentionRules)]
ReviewsDep = Annotated[Reviews, provided(Reviews)]
RoutingTableDep = Annotated[RoutingTable, provided(RoutingTable)]
ScanIntakeDep = Annotated[ScanIntake, provided(ScanIntake)]
ScanRemovalDep = Annotated[ScanRemoval, provided(ScanRemoval)]
ScanViewsDep = Annotated[ScanViews, provided(ScanViews)]
ScansDep = Annotated[Scans, provided(Scans)]
SecondReadingsDep = Annotated[SecondReadings, provided(SecondReadings)]
SignInLimitsDep = Annotated[SignInLimits, provided(SignInLimits)]
SignInSessionsDep = Annotated[SignInSessions, provided(SignInSessions)]
StorageRoomDep = Annotated[StorageRoom, provided(StorageRoom)]
TilesDep = Annotated[Tiles, provided(Tiles)]
TrainingOrdersDep = Annotated[TrainingOrders, provided(TrainingOrders)]
TrainingsDep = Annotated[Trainings, provided(Trainings)]
TrainingStatusesDep = Annotated[TrainingStatuses, provided(TrainingStatuses)]
TrainingWatcherDep = Annotated[TrainingWatcher, provided(TrainingWatcher)]
UploadedMasksDep = Annotated[UploadedMasks, provided(UploadedMasks)]
UploadedScansDep = Annotated[UploadedScans, provided(UploadedScans)]
UploadSpaceDep = Annotated[UploadSpace, provided(UploadSpace)]
UploadThreadsDep = Annotated[UploadThreads, provided(UploadThreads)]
PeerThreadsDep = Annotated[PeerThreads, provided(PeerThreads)]
ProviderThreadsDep = Annotated[ProviderThreads, provided(ProviderThreads)]
ViewersDep = Annotated[Viewers, provided(Viewers)]
WebhooksDep = Annotated[Webhooks, provided(Webhooks)]
WorklistDep = Annotated[Worklist, provided(Worklist)]
ViewThreadsDep = Annotated[ViewThreads, provided(ViewThreads)]
