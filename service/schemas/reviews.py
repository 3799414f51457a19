"""Reviews."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from jobs.draft import DraftState
from jobs.review import Reason, Role
from service.resources.format_names import StoredFormatName
from service.schemas.fields import Identifier, Line, Text, Wire
from service.schemas.reader_measurements import MeasurementOut, MeasurementsIn

ReaderName = Annotated[Line, Field(max_length=200)]


def check_reasons(verdict: str, reasons: tuple[Reason, ...]) -> None:
    """Raises ValueError if a verdict cannot have these reasons."""
    if reasons and verdict != "rejected":
        raise ValueError("only a rejection has reasons")
    if len(set(reasons)) < len(reasons):
        raise ValueError("name each reason once")


class ReviewIn(Wire):
    """A radiologist's verdict on a mask."""

    verdict: Literal["accepted", "corrected", "rejected"]
    """`corrected` needs `draft` or `mask_of`. Other corrected masks are sent by MONAI Label
    clients."""
    reasons: Annotated[tuple[Reason, ...], Field(max_length=len(Reason))] = ()
    """Why the mask is rejected; none, one or several."""
    comment: Annotated[Text, Field(max_length=10_000)] = ""
    reviewer: ReaderName = ""
    """Name of the reader. A service with accounts stores the name of the account instead."""
    seen: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = None
    """Id of the newest review that the reader knows, empty for none. If there is a newer one, this
    one is refused with the problem `newer-review`. Null: it is stored in any case."""
    adjudicates: bool = False
    """Whether this verdict decides between the readings of a second reading, which the caller has
    seen. The caller must not be one of the readers."""
    mask_of: Identifier | None = None
    """Id of a review of the job whose corrected mask is right, with the verdict `corrected`. In a
    second reading, only with `adjudicates`."""
    draft: Identifier | None = None
    """Id of the reader's draft that becomes the corrected mask, with the verdict `corrected`."""
    draft_changes: Annotated[int | None, Field(ge=0)] = None
    """Number of the last set of changes of `draft` that the reader knows. If there is a later one,
    the review is refused with the problem `draft-changed`."""
    discards: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = None
    """Id of the reader's draft that is deleted, because the verdict is about another mask; empty if
    the reader has none. If the reader has another draft with changes, the review is refused with
    the problem `draft-open`. Null: a draft stays as it is. Not with `draft`."""
    measurements: MeasurementsIn = ()
    """What the reader measured in the scan."""

    def draft_state(self, reader: str) -> DraftState | None:
        """The draft of the reader that is to be saved; None: there is none."""
        if self.draft is None or self.draft_changes is None:
            return None
        return DraftState(self.draft, reader, self.draft_changes)

    @model_validator(mode="after")
    def _each_measurement_once(self) -> "ReviewIn":
        if len({one.id for one in self.measurements}) < len(self.measurements):
            raise ValueError("give each measurement an id of its own")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "ReviewIn":
        check_reasons(self.verdict, self.reasons)
        masks = [one for one in (self.mask_of, self.draft) if one is not None]
        if len(masks) != (self.verdict == "corrected"):
            raise ValueError("give either draft or mask_of with the verdict corrected only")
        if (self.draft is None) != (self.draft_changes is None):
            raise ValueError("give draft and draft_changes together")
        if self.draft is not None and self.discards is not None:
            raise ValueError("give either draft or discards")
        return self


class LabelChangeOut(Wire):
    """How a correction changed a label."""

    label: int
    """The label number."""
    added: int
    """Voxels that have the label now, and did not have it before."""
    removed: int
    """Voxels that had the label before, and do not have it now."""


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
    role: Role | None
    """`reading`: one of the readings of a second reading. `surplus`: it arrived when all readings
    were there, and changes nothing. `adjudication`: it decided between them. Null: the job had no
    second reading."""
    measurements: list[MeasurementOut]
    """What the reader measured in the scan."""
    base: str | None
    """Id of the review whose corrected mask was corrected further. Null: the job's own mask was, or
    it is not known, as for masks of MONAI Label clients."""
    seconds: float | None
    """How long the reader worked on the corrected mask; null if it is not known."""
    changes: list[LabelChangeOut]
    """How the corrected mask differs from its base: the labels that gained or lost voxels. Empty if
    it is not known. In a mask that numbers objects, all of them are one label."""


class ViewerIn(Wire):
    """Who has a job open."""

    reader: ReaderName = ""
    """Name of the reader. A service with accounts uses the name of the account instead."""


class ViewerOut(Wire):
    """Another page on which a job is open."""

    reader: str
    """Name of the reader; empty if it is not known, or hidden by a second reading."""
    since: datetime
    """When the page opened the job."""


class ViewersOut(Wire):
    """Who has a job open, beside the caller."""

    account: str
    """Name of the caller's account, under which its reviews are stored; empty without accounts."""
    others: list[ViewerOut]
    """The other pages that show the job, oldest first."""
