"""Repository: what the database stores."""

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
from jobs.repository.erasures import Erasures
from jobs.repository.figures import Figures
from jobs.repository.forecasts import Forecasts
from jobs.repository.identities import Identities
from jobs.repository.image_names import ImageNames
from jobs.repository.job_steps import JOB_STEPS
from jobs.repository.jobs import Jobs
from jobs.repository.judged_jobs import JudgedJobs
from jobs.repository.labels import Labels
from jobs.repository.leases import Leases
from jobs.repository.legal_holds import LegalHolds
from jobs.repository.lost_work import LostWork
from jobs.repository.messages import Messages
from jobs.repository.passwords import Passwords
from jobs.repository.project_models import ProjectModels
from jobs.repository.provider_sessions import ProviderSessions
from jobs.repository.quotas import Quotas
from jobs.repository.reading_stages import ReadingStages
from jobs.repository.readings import Readings
from jobs.repository.references import References
from jobs.repository.related_scans import RelatedScans
from jobs.repository.retention_reports import RetentionReports
from jobs.repository.retention_rules import RetentionRules
from jobs.repository.reviews import Reviews
from jobs.repository.scans import Scans
from jobs.repository.sessions import Sessions
from jobs.repository.shared_pseudonyms import SharedPseudonyms
from jobs.repository.sign_in_attempts import SignInAttempts
from jobs.repository.table_backup import TableBackup
from jobs.repository.training_leases import TrainingLeases
from jobs.repository.training_steps import TRAINING_STEPS
from jobs.repository.trainings import Trainings
from jobs.repository.uploaded_masks import UploadedMasks
from jobs.repository.usual_sizes import UsualSizes
from jobs.repository.viewers import Viewers
from jobs.repository.webhooks import Webhooks
from jobs.repository.workers import Workers
from jobs.repository.worklist import Worklist


class Repository:
    """What the database stores, on SQLite or PostgreSQL; safe to use from many threads.

    Every method of its parts is one transaction. A read raises NotFound for a row of another
    project. Every method may raise Unavailable, and those that write StorageFull.
    """

    def __init__(self, url: str, statement_s: float = STATEMENT_S) -> None:
        """`url`: an SQLAlchemy URL; nothing is connected yet. `statement_s`: how long PostgreSQL
        may take for a statement, in seconds."""
        self.database = database = Database(url, statement_s)
        self._add_people(database)
        self._add_scans(database)
        self._add_jobs(database)
        self._add_trainings(database)
        self._add_reviews(database)
        self._add_records(database)
        self._add_operation(database)

    def migrate(self) -> None:
        """Upgrades the schema to the newest version; several processes may do so at once."""
        self.database.migrate()

    def ping(self) -> None:
        """Returns if the database answers; raises Unavailable if not."""
        self.database.ping()

    def close(self) -> None:
        """Closes every connection."""
        self.database.close()

    def _add_people(self, database: Database) -> None:
        """People, their keys and how they sign in."""
        self.accounts = Accounts(database)
        self.api_keys = ApiKeys(database)
        self.dicom_senders = DicomSenders(database)
        self.identities = Identities(database)
        self.provider_sessions = ProviderSessions(database)
        self.browser_sessions = BrowserSessions(database)
        self.passwords = Passwords(database)
        self.sign_in_attempts = SignInAttempts(database)

    def _add_scans(self, database: Database) -> None:
        """Scans and their names."""
        self.scans = Scans(database)
        self.related_scans = RelatedScans(database)
        self.image_names = ImageNames(database)
        self.sessions = Sessions(database)

    def _add_jobs(self, database: Database) -> None:
        """Jobs, and what becomes of them."""
        self.jobs = Jobs(database)
        self.batches = Batches(database)
        self.worklist = Worklist(database)
        self.assignments = Assignments(database)
        self.usual_sizes = UsualSizes(database)
        self.forecasts = Forecasts(database)
        self.messages = Messages(database)
        self.leases = Leases(database)
        self.lost_jobs = LostWork(database, JOB_STEPS)
        self.workers = Workers(database)
        self.deliveries = Deliveries(database)
        self.commitments = Commitments(database)
        self.webhooks = Webhooks(database)

    def _add_trainings(self, database: Database) -> None:
        """Models that are fine-tuned."""
        self.trainings = Trainings(database)
        self.training_leases = TrainingLeases(database)
        self.lost_trainings = LostWork(database, TRAINING_STEPS)
        self.judged_jobs = JudgedJobs(database)

    def _add_reviews(self, database: Database) -> None:
        """Reviews, second readings and corrections."""
        self.reviews = Reviews(database)
        self.drafts = Drafts(database)
        self.readings = Readings(database)
        self.reading_stages = ReadingStages(database)
        self.uploaded_masks = UploadedMasks(database)
        self.batch_reviews = BatchReviews(database)
        self.viewers = Viewers(database)
        self.labels = Labels(database)

    def _add_records(self, database: Database) -> None:
        """The audit trail, retention and erasure."""
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

    def _add_operation(self, database: Database) -> None:
        """Figures, limits of projects and backups."""
        self.figures = Figures(database)
        self.quotas = Quotas(database)
        self.project_models = ProjectModels(database)
        self.shared_pseudonyms = SharedPseudonyms(database)
        self.table_backup = TableBackup(database)
