"""Entity tags, so that a viewer need not load the same scan twice (RFC 9110, 8.8.3)."""

from starlette.requests import Request
from starlette.responses import Response


def headers(tag: str) -> dict[str, str]:
    """Lets the sender keep the body, and ask each time whether it is still the same."""
    return {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}


def known(request: Request, tag: str) -> bool:
    """Whether the caller says that it has what `tag` names."""
    given = request.headers.get("if-none-match", "")
    return f'"{tag}"' in {part.strip().removeprefix("W/") for part in given.split(",")}


def unchanged(tag: str) -> Response:
    """304: what the caller has is still good."""
    return Response(status_code=304, headers=headers(tag))
