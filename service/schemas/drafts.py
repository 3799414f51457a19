"""Drafts of corrections."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobs.draft import MOST_CHANGES
from service.schemas.fields import Identifier, Wire
from service.schemas.reviews import ReaderName

ChangeNumber = Annotated[
    int,
    Field(ge=1, le=MOST_CHANGES, description="Number of the set: that of the last one plus 1."),
]


class DraftIn(Wire):
    """Who corrects a mask, and which one."""

    reader: ReaderName = ""
    """Name of the reader. A service with accounts uses the name of the account instead."""
    base: Identifier | None = None
    """Id of the review whose corrected mask is corrected further. Null: the job's own mask."""


class DraftOut(Wire):
    """A correction of a mask that is not finished."""

    id: str
    """Also the id of the review that it becomes."""
    job: str
    reader: str
    """Name of the reader."""
    base: str | None
    """Id of the review whose corrected mask is corrected further. Null: the job's own mask."""
    changes: int
    """Number of the last set of changes; 0 if there is none."""
    seconds: float
    """How long the reader has worked on it."""
    created_at: datetime
    updated_at: datetime
    """When it was last opened or changed."""


class DraftsOut(Wire):
    """The corrections that a reader has begun."""

    drafts: list[DraftOut]
