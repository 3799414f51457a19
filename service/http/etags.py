"""Entity tags: a client that has a copy need not download it again (RFC 9110, 8.8.3)."""

from starlette.requests import Request
from starlette.responses import Response


def headers(tag: str) -> dict[str, str]:
    """Headers that let the client keep the body and ask each time whether it is still current."""
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}


def is_current(request: Request, tag: str) -> bool:
    """Whether the client says that it has the content that `tag` identifies."""
    header = request.headers.get("if-none-match", "")
    return f'"{tag}"' in {part.strip().removeprefix("W/") for part in header.split(",")}


def not_modified(tag: str) -> Response:
    """304: the client's copy is current."""
    return Response(status_code=304, headers=headers(tag))
