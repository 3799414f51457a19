"""The cookie of somebody who signed in on the page.

A browser sends it with every request to the gateway, also if another site causes it. So it counts
only for requests that the gateway's own page sends:

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
from service.http.fetch_site import is_from_other_site

IDLE_HEADER = "Tessera-Idle"
_NAME = "tessera"
_BROWSER_NAME = "tessera-browser"
_SECURE_PREFIX = "__Host-"
"""A browser takes such a cookie only by HTTPS, for this host alone and all its paths."""
ENCRYPTED_NAME = _SECURE_PREFIX + _NAME
"""The session's cookie on an encrypted connection."""
_BROWSER_KEPT_S = 180 * 86_400
_SAFE = ("GET", "HEAD", "OPTIONS")


def session_secret(request: Request) -> str:
    """The secret of the session that a request belongs to; empty if there is none.

    Raises Forbidden for a request that changes something without the header of the page.
    """
    secret = request.cookies.get(_name(request, _NAME), "")
    return secret if secret and is_from_own_page(request) else ""


def is_from_own_page(request: Request) -> bool:
    """Whether what a browser sends by itself counts: a cookie, or what a proxy says of the person.

    Raises Forbidden for a request that changes something without the header of the page.
    """
    if is_from_other_site(request.headers):
        return False
    if request.method not in _SAFE:
        check_page_header(request)
    return True


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
    _set(request, response, _NAME, secret, None)


def clear_session(request: Request, response: Response) -> None:
    """Has the browser forget the session."""
    _set(request, response, _NAME, "", 0)


def browser_secret(request: Request) -> str:
    """By which the browser is known from an earlier sign-in; empty if it is not."""
    return request.cookies.get(_name(request, _BROWSER_NAME), "")


def set_browser(request: Request, response: Response, secret: str) -> None:
    """Has the browser keep the secret by which it is known at the next sign-in."""
    _set(request, response, _BROWSER_NAME, secret, _BROWSER_KEPT_S)


def _set(
    request: Request, response: Response, name: str, value: str, max_age_s: int | None
) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=_is_encrypted(request),
        httponly=True,
        samesite="strict",
    )


def _name(request: Request, name: str) -> str:
    return _SECURE_PREFIX + name if _is_encrypted(request) else name


def _is_encrypted(request: Request) -> bool:
    return request.url.scheme == "https"
