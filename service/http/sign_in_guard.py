"""What is checked before a password is looked at: where the request comes from, and how."""

import ipaddress

from starlette.requests import Request

from imaging.errors import Forbidden, TooManyRequests
from service.http.session_cookie import check_page_header
from service.resources.sign_in_limits import PER_MINUTE, SignInLimits


def check_sign_in(request: Request) -> None:
    """Raises Forbidden for a request that the page did not send, or that was not encrypted."""
    check_page_header(request)
    if not _is_private(request):
        raise Forbidden(
            "The connection is not encrypted: others could read the password.",
            expected="HTTPS, or a browser on the machine of the gateway.",
            hint="Open the page by https://. If it is, a proxy in front of the gateway must be in "
            "TESSERA_TRUSTED_PROXIES and send X-Forwarded-Proto.",
        )


def check_address(request: Request, limits: SignInLimits) -> None:
    """Raises TooManyRequests above the limit of the request's address."""
    if wait_s := limits.wait_s(request.client.host if request.client else ""):
        raise TooManyRequests(
            "Too many attempts to sign in come from this address.",
            expected=f"At most {PER_MINUTE} attempts in a minute.",
            hint="Wait as many seconds as the header Retry-After says.",
            retry_after_s=wait_s,
        )


def _is_private(request: Request) -> bool:
    """Whether nobody on the network sees the request: it is encrypted, or between programs of one
    machine. That machine may be a container's host, so the browser's own address of it counts.

    A proxy on the same machine that states an address elsewhere has received the request from
    there, also if its statement is not trusted."""
    client = request.client.host if request.client else ""
    if request.url.scheme == "https":
        return True
    if not all(_is_loopback(one) for one in _forwarded_for(request)):
        return False
    return _is_loopback(client) or _is_loopback(request.url.hostname or "")


def _forwarded_for(request: Request) -> list[str]:
    """The addresses that proxies state (RFC 7239, 5.2, and the header before it)."""
    lines = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    pairs = ",".join(request.headers.getlist("forwarded")).replace(";", ",").split(",")
    lines += [value for name, _, value in (one.partition("=") for one in pairs) if _is_for(name)]
    return [address for one in lines if (address := one.strip().strip('"').strip("[]"))]


def _is_for(name: str) -> bool:
    return name.strip().lower() == "for"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
