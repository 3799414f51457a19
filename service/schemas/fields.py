"""Field types that several schemas share, and the base class of all schemas."""

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from inference.runtime_registry import device_names


def one_line(text: str) -> str:
    """The text; raises ValueError unless all its characters are printable."""
    if not text.isprintable():
        raise ValueError("use printable characters only, without line ends")
    return text


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
BatchId = Annotated[Identifier, Field(description="Id of the batch.")]
JobId = Annotated[Identifier, Field(description="Id of the job.")]
PeerName = Annotated[Identifier, Field(description="Name of the peer, as in GET /v1/peers.")]
ReviewId = Annotated[Identifier, Field(description="Id of the review.")]
ScanId = Annotated[Identifier, Field(description="Id of the scan.")]
ViewerId = Annotated[Identifier, Field(description="Id of the page, which it chooses at random.")]
UploadId = Annotated[Identifier, Field(description="Id of the upload.")]
MessageId = Annotated[Identifier, Field(description="Id of the webhook message.")]
WebhookName = Annotated[
    Identifier, Field(description="Name of the webhook, as in GET /v1/webhooks.")
]
Modality = Annotated[str, Field(pattern=r"^[A-Z0-9_ ]{1,16}$")]
"""A DICOM code string (PS3.5, 6.2)."""
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Free text without NUL, which PostgreSQL cannot store."""
Line = Annotated[Text, AfterValidator(one_line)]
"""A name: printable characters, so that it shows in lists as it is."""
Cursor = Annotated[
    str | None,
    Field(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="`next_cursor` of the previous page; without it, the first page.",
    ),
]
PageLimit = Annotated[int, Field(ge=1, le=200, description="Largest number of rows on the page.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Any text that the caller chooses; a repeated key gets the same response.",
    ),
]
UID = Annotated[str, Field(pattern=r"^[0-9][0-9.]{0,63}$")]
if TYPE_CHECKING:  # a type checker cannot read names that are found at run time
    Device = str
else:
    Device = Literal[device_names()]


class Wire(BaseModel):
    """Base class of schemas; unknown fields are an error."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
