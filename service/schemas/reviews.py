"""Reviews."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from jobs.review import Reason
from service.resources.format_names import StoredFormatName
from service.schemas.fields import Text, Wire
from service.schemas.reader_measurements import MeasurementOut, MeasurementsIn

ReaderName = Annotated[Text, Field(max_length=200)]


class ReviewIn(Wire):
    """A radiologist's verdict on a mask."""

    verdict: Literal["accepted", "rejected"]
    reasons: Annotated[tuple[Reason, ...], Field(max_length=len(Reason))] = ()
    """Why the mask is rejected; none, one or several."""
    comment: Annotated[Text, Field(max_length=10_000)] = ""
    reviewer: ReaderName = ""
    """Name of the reader. A service with accounts stores the name of the account instead."""
    seen: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = None
    """Id of the newest review that the reader knows, empty for none. If there is a newer one, this
    one is refused with the problem `newer-review`. Null: it is stored in any case."""

    measurements: MeasurementsIn = ()
    """What the reader measured in the scan."""

    @model_validator(mode="after")
    def _each_measurement_once(self) -> "ReviewIn":
        if len({one.id for one in self.measurements}) < len(self.measurements):
            raise ValueError("give each measurement an id of its own")
        return self

    @model_validator(mode="after")
    def _reasons_of_a_rejection(self) -> "ReviewIn":
        if self.reasons and self.verdict != "rejected":
            raise ValueError("only a rejection has reasons")
        if len(set(self.reasons)) < len(self.reasons):
            raise ValueError("name each reason once")
        return self


class ReviewOut(Wire):
    """A review of a mask."""

    id: str
    job: str
    verdict: Literal["accepted", "corrected", "rejected"]
    reasons: list[Reason]
    """Why the mask is rejected."""
    comment: str
    reviewer: str
    created_at: datetime
    withdrawn_at: datetime | None
    """When the reader withdrew it, so that it no longer counts; null if it stands."""
    mask_format: StoredFormatName | None
    """Format of the corrected mask that GET .../reviews/{id}/mask gives; null if there is none."""
    measurements: list[MeasurementOut]
    """What the reader measured in the scan."""


class ViewerIn(Wire):
    """Who has a job open."""

    reader: ReaderName = ""
    """Name of the reader. A service with accounts uses the name of the account instead."""


class ViewerOut(Wire):
    """Another page on which a job is open."""

    reader: str
    """Name of the reader; empty if it is not known."""
    since: datetime
    """When the page opened the job."""


class ViewersOut(Wire):
    """Who has a job open, beside the caller."""

    account: str
    """Name of the caller's account, under which its reviews are stored; empty without accounts."""
    others: list[ViewerOut]
    """The other pages that show the job, oldest first."""
