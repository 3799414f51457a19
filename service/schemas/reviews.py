"""Reviews."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from service.resources.format_names import StoredFormatName
from service.schemas.fields import Text, Wire


class ReviewIn(Wire):
    """A radiologist's verdict on a mask."""

    verdict: Literal["accepted", "rejected"]
    comment: Annotated[Text, Field(max_length=10_000)] = ""
    reviewer: Annotated[Text, Field(max_length=200)] = ""


class ReviewOut(Wire):
    """A review of a mask."""

    id: str
    job: str
    verdict: Literal["accepted", "corrected", "rejected"]
    comment: str
    reviewer: str
    created_at: datetime
    mask_format: StoredFormatName | None
    """Format of the corrected mask that GET .../reviews/{id}/mask gives; null if there is none."""
