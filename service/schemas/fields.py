"""The words that all rooms share, and what every message is."""

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from inference.runtime_registry import device_names

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Free text; PostgreSQL stores no NUL."""
Cursor = Annotated[str | None, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Any text of the caller's own; the same key again gives the same answer.",
    ),
]
UID = Annotated[str, Field(pattern=r"^[0-9][0-9.]{0,63}$")]
Deliverable = Literal["dicom-seg", "dicom-labelmap", "dicom-sr", "dicom-rtstruct"]
if TYPE_CHECKING:  # a type checker cannot read names that are found at run time
    Device = str
else:
    Device = Literal[device_names()]


class Wire(BaseModel):
    """A message; a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")
