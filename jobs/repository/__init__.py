"""All SQL: one class for each kind of row, which share a database."""

from jobs.repository.accounts import Accounts
from jobs.repository.api_keys import ApiKeys
from jobs.repository.assignments import Assignments
from jobs.repository.audit import Audit
from jobs.repository.audit_removals import AuditRemovals
from jobs.repository.batch_reviews import BatchReviews
from jobs.repository.batches import Batches
from jobs.repository.browser_sessions import BrowserSessions
from jobs.repository.commitments import Commitments
from jobs.repository.database import Database
from jobs.repository.deliveries import Deliveries
from jobs.repository.dicom_senders import DicomSenders
from jobs.repository.drafts import Drafts
from jobs.repository.due_jobs import DueDrafts, DueJobs, DuePreviews
from jobs.repository.due_scans import DueScans
from jobs.repository.erasures import ErasedScan, Erasures
from jobs.repository.figures import Figures
from jobs.repository.forecasts import Forecast, Forecasts
from jobs.repository.identities import Identities
from jobs.repository.image_names import ImageNames
from jobs.repository.jobs import Jobs
from jobs.repository.judged_jobs import JudgedJob, JudgedJobs
from jobs.repository.labels import FINAL, LabelCounts, Labels
from jobs.repository.leases import Leases
from jobs.repository.legal_holds import LegalHolds
from jobs.repository.lost_work import LostWork
from jobs.repository.messages import Messages
from jobs.repository.passwords import Passwords, SetupLink
from jobs.repository.project_models import ProjectModels
from jobs.repository.provider_sessions import ProviderSession, ProviderSessions
from jobs.repository.quotas import Quotas
from jobs.repository.reading_stages import ReadingStages
from jobs.repository.readings import ComparedReadings, JobReading, Readings
from jobs.repository.references import References
from jobs.repository.related_scans import RelatedScan, RelatedScans, Relation
from jobs.repository.repository import Repository
from jobs.repository.retention_reports import RetentionReports
from jobs.repository.retention_rules import RetentionRules
from jobs.repository.reviews import Reviews
from jobs.repository.revision import known_revisions
from jobs.repository.scans import Scans, ScanUses, SeriesChanged
from jobs.repository.sessions import Sessions
from jobs.repository.shared_pseudonyms import SharedPseudonyms
from jobs.repository.sign_in_attempts import SignInAttempts
from jobs.repository.steps import Work
from jobs.repository.table_backup import DatabaseState, StoredTable, TableBackup
from jobs.repository.training_leases import TrainingLeases
from jobs.repository.trainings import Trainings
from jobs.repository.uploaded_masks import UploadedMasks
from jobs.repository.usual_sizes import UsualSizes
from jobs.repository.viewers import Viewers
from jobs.repository.webhooks import Webhooks
from jobs.repository.work_leases import Held, WorkLeases
from jobs.repository.workers import Workers
from jobs.repository.worklist import Worklist

__all__ = [
    "FINAL",
    "Accounts",
    "ApiKeys",
    "Assignments",
    "Audit",
    "AuditRemovals",
    "BatchReviews",
    "Batches",
    "BrowserSessions",
    "Commitments",
    "ComparedReadings",
    "Database",
    "DatabaseState",
    "Deliveries",
    "DicomSenders",
    "Drafts",
    "DueDrafts",
    "DueJobs",
    "DuePreviews",
    "DueScans",
    "ErasedScan",
    "Erasures",
    "Figures",
    "Forecast",
    "Forecasts",
    "Held",
    "Identities",
    "ImageNames",
    "JobReading",
    "Jobs",
    "JudgedJob",
    "JudgedJobs",
    "LabelCounts",
    "Labels",
    "Leases",
    "LegalHolds",
    "LostWork",
    "Messages",
    "Passwords",
    "ProjectModels",
    "ProviderSession",
    "ProviderSessions",
    "Quotas",
    "ReadingStages",
    "Readings",
    "References",
    "RelatedScan",
    "RelatedScans",
    "Relation",
    "Repository",
    "RetentionReports",
    "RetentionRules",
    "Reviews",
    "ScanUses",
    "Scans",
    "SeriesChanged",
    "Sessions",
    "SetupLink",
    "SharedPseudonyms",
    "SignInAttempts",
    "StoredTable",
    "TableBackup",
    "TrainingLeases",
    "Trainings",
    "UploadedMasks",
    "UsualSizes",
    "Viewers",
    "Webhooks",
    "Work",
    "WorkLeases",
    "Workers",
    "Worklist",
    "known_revisions",
]
