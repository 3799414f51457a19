"""The cookie of somebody who signed in on the page.

A browser sends it with every request to the gateway, whoever causes the request. So it counts only
for requests that the gateway's own page sends:

- The cookie is `SameSite=Strict`: pages of other sites cannot make a browser send it.
- A request whose `Sec-Fetch-Site` names another origin, such as another port of the host, has no
  session.
- A request that changes something needs the header `Tessera-Idle`. No form can send it, and a
  script of another origin only with a permission that the gateway never gives (CORS).

The page's `Tessera-Idle` says how many seconds ago the reader last touched the page, so that what
the page requests by itself does not keep somebody signed in who has left.
"""

import math

from starlette.requests import Request
from starlette.responses import Response

from imaging.errors import Forbidden

IDLE_HEADER = "Tessera-Idle"
_NAME = "tessera"
_SECURE_NAME = "__Host-tessera"
"""A browser takes it only by HTTPS, for this host alone and all its paths."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_OWN_PAGE = ("same-origin", "none")
"""`none`: the person typed the address, or opened a bookmark."""


def session_secret(request: Request) -> str:
    """The secret of the session that a request belongs to; empty if there is none.

    Raises Forbidden for a request that changes something without the header of the page.
    """
    secret = request.cookies.get(_name(request), "")
    if not secret or request.headers.get("sec-fetch-site", "none") not in _OWN_PAGE:
        return ""
    if request.method not in _SAFE:
        check_page_header(request)
    return secret


def check_page_header(request: Request) -> None:
    """Raises Forbidden if a page of another site may have caused the request."""
    if IDLE_HEADER not in request.headers:
        raise Forbidden(
            f"The request has no header {IDLE_HEADER}, which a request of the review page has.",
            expected=f"{IDLE_HEADER}: the seconds since the user last did something, such as 0.",
            hint="Reload the page. Programs use an API key instead of a session.",
        )


def idle_s(request: Request) -> float:
    """How many seconds ago the person did something, as the page says; 0 if it does not say."""
    try:
        seconds = float(request.headers.get(IDLE_HEADER, "0"))
    except ValueError:
        return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def set_session(request: Request, response: Response, secret: str) -> None:
    """Has the browser keep the secret of a session until the browser is closed."""
    response.set_cookie(
        _name(request),
        secret,
        path="/",
        secure=_encrypted(request),
        httponly=True,
        samesite="strict",
    )


def clear_session(request: Request, response: Response) -> None:
    """Has the browser forget the session."""
    response.delete_cookie(
        _name(request), path="/", secure=_encrypted(request), httponly=True, samesite="strict"
    )


def _name(request: Request) -> str:
    return _SECURE_NAME if _encrypted(request) else _NAME


def _encrypted(request: Request) -> bool:
    return request.url.scheme == "https"
