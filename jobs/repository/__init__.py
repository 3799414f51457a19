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
from jobs.repository.database import STATEMENT_S, Database
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
from jobs.repository.job_steps import JOB_STEPS
from jobs.repository.jobs import Jobs
from jobs.repository.judged_jobs import JudgedJob, JudgedJobs
from jobs.repository.labels import FINAL, LabelCounts, Labels
from jobs.repository.leases import Leases
from jobs.repository.legal_holds import LegalHolds
from jobs.repository.lost_work import LostWork
from jobs.repository.messages import Messages
from jobs.repository.passwords import Passwords, SetupLink
from jobs.repository.provider_sessions import ProviderSession, ProviderSessions
from jobs.repository.quotas import Quotas
from jobs.repository.reading_stages import ReadingStages
from jobs.repository.readings import ComparedReadings, JobReading, Readings
from jobs.repository.references import References
from jobs.repository.related_scans import RelatedScan, RelatedScans, Relation
from jobs.repository.retention_reports import RetentionReports
from jobs.repository.retention_rules import RetentionRules
from jobs.repository.reviews import Reviews
from jobs.repository.revision import known_revisions
from jobs.repository.scans import Scans, ScanUses, SeriesChanged
from jobs.repository.sessions import Sessions
from jobs.repository.sign_in_attempts import SignInAttempts
from jobs.repository.steps import Work
from jobs.repository.table_backup import DatabaseState, StoredTable, TableBackup
from jobs.repository.training_leases import TrainingLeases
from jobs.repository.training_steps import TRAINING_STEPS
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


class Repository:
    """What the database stores, on SQLite or PostgreSQL; safe to use from many threads.

    Every method of its parts is one transaction. A read raises NotFound for a row of another
    project. Every method may raise Unavailable, and those that write StorageFull.
    """

    def __init__(self, url: str, statement_s: float = STATEMENT_S) -> None:
        """`url`: an SQLAlchemy URL; nothing is connected yet. `statement_s`: how long PostgreSQL
        may take for a statement, in seconds."""
        self.database = database = Database(url, statement_s)
        self.accounts = Accounts(database)
        self.api_keys = ApiKeys(database)
        self.provider_sessions = ProviderSessions(database)
        self.identities = Identities(database)
        self.browser_sessions = BrowserSessions(database)
        self.passwords = Passwords(database)
        self.sign_in_attempts = SignInAttempts(database)
        self.dicom_senders = DicomSenders(database)
        self.scans = Scans(database)
        self.related_scans = RelatedScans(database)
        self.jobs = Jobs(database)
        self.worklist = Worklist(database)
        self.assignments = Assignments(database)
        self.usual_sizes = UsualSizes(database)
        self.batches = Batches(database)
        self.leases = Leases(database)
        self.lost_jobs = LostWork(database, JOB_STEPS)
        self.trainings = Trainings(database)
        self.training_leases = TrainingLeases(database)
        self.lost_trainings = LostWork(database, TRAINING_STEPS)
        self.messages = Messages(database)
        self.forecasts = Forecasts(database)
        self.workers = Workers(database)
        self.reviews = Reviews(database)
        self.drafts = Drafts(database)
        self.readings = Readings(database)
        self.judged_jobs = JudgedJobs(database)
        self.reading_stages = ReadingStages(database)
        self.uploaded_masks = UploadedMasks(database)
        self.batch_reviews = BatchReviews(database)
        self.viewers = Viewers(database)
        self.labels = Labels(database)
        self.image_names = ImageNames(database)
        self.sessions = Sessions(database)
        self.deliveries = Deliveries(database)
        self.figures = Figures(database)
        self.commitments = Commitments(database)
        self.webhooks = Webhooks(database)
        self.audit = Audit(database)
        self.audit_removals = AuditRemovals(database)
        self.retention_rules = RetentionRules(database)
        self.retention_reports = RetentionReports(database)
        self.legal_holds = LegalHolds(database)
        self.due_scans = DueScans(database)
        self.due_jobs = DueJobs(database)
        self.due_previews = DuePreviews(database)
        self.due_drafts = DueDrafts(database)
        self.erasures = Erasures(database)
        self.references = References(database)
        self.table_backup = TableBackup(database)
        self.quotas = Quotas(database)

    def migrate(self) -> None:
        """Upgrades the schema to the newest version; several processes may do so at once."""
        self.database.migrate()

    def ping(self) -> None:
        """Returns if the database answers; raises Unavailable if not."""
        self.database.ping()

    def close(self) -> None:
        """Closes every connection."""
        self.database.close()
