"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), and what they must be."""

import base64
import binascii
from email.utils import formatdate
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from imaging.errors import BadRequest
from service.http.errors import UnsupportedTusVersion, WrongMediaType
from service.http.multipart import base_name
from service.http.tus_version import VERSION
from service.use_cases.received_file import UNNAMED

EXTENSIONS = "creation,creation-with-upload,expiration,termination"
MEDIA_TYPE = "application/offset+octet-stream"


async def _speaks_tus(
    tus_resumable: Annotated[
        str | None, Header(description="Version of the protocol tus, 1.0.0.")
    ] = None,
) -> None:
    if tus_resumable != VERSION:
        raise UnsupportedTusVersion(
            "The request states no version of the protocol tus, or another one.",
            expected=f"The header Tus-Resumable: {VERSION}.",
            hint="Use a client of tus 1.0, such as the Python package tessera-client.",
        )


SpeaksTus = Annotated[None, Depends(_speaks_tus)]
"""A parameter of routes that need the header Tus-Resumable; after the principal."""

UploadLength = Annotated[int, Header(ge=1, description="Bytes of the whole file.")]
UploadMetadata = Annotated[
    str,
    Header(
        max_length=4096,
        description="Comma-separated keys, each with its value in Base64. `filename` is used.",
    ),
]
UploadOffset = Annotated[int, Header(ge=0, description="Where the body continues the file.")]


def file_name(metadata: str) -> str:
    """The base name in Upload-Metadata, or UNNAMED; raises BadRequest if it is not Base64."""
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                name = base64.b64decode(value, validate=True).decode("utf-8", "replace")
            except binascii.Error as error:
                raise BadRequest(
                    "The file name in Upload-Metadata is not Base64.",
                    expected="Keys with values in Base64: filename c2Nhbi5uaWk=.",
                    hint="Encode the file name in Base64.",
                ) from error
            return base_name(name) or UNNAMED
    return UNNAMED


def check_media_type(request: Request) -> None:
    """Raises WrongMediaType unless the body is a part of a file."""
    if request.headers.get("content-type") != MEDIA_TYPE:
        raise WrongMediaType(
            "The body is not a part of a file.",
            expected=f"The header Content-Type: {MEDIA_TYPE}.",
            hint="Send the bytes of the file from the offset on.",
        )


def headers(offset: int, expires_at: float) -> dict[str, str]:
    """Headers of a response about an upload."""
    return {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(offset),
        "Upload-Expires": formatdate(expires_at, usegmt=True),
    }
