"""All SQL: scans, jobs, batches and reviews, and every step of a job's life."""

from jobs.repository.deliveries import DeliveryRows
from jobs.repository.forecast import Forecast, Outlook
from jobs.repository.images import FINAL, ImageRows, Labelled
from jobs.repository.life import JobLife
from jobs.repository.messages import Messages
from jobs.repository.reviews import ReviewRows

__all__ = ["FINAL", "Labelled", "Outlook", "Repository"]


class Repository(JobLife, Messages, Forecast, ReviewRows, ImageRows, DeliveryRows):
    """Where the truth lies; thread-safe, on SQLite or PostgreSQL.

    Every method is one transaction. Reading raises NotFound for what is not this project's; every
    method may raise Unavailable, and those that write StorageFull.
    """
