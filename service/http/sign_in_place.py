"""Where somebody signs in, as the request shows: names by which people recognise their sessions."""

from starlette.requests import Request

from jobs.browser_session import SignInPlace

_BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
}
"""Part of the header User-Agent -> name. Many also contain the parts of those further below."""
_SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iOS",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def sign_in_place(request: Request) -> SignInPlace:
    """Address and browser of a request. The header itself is not kept: it tells people apart."""
    address = request.client.host if request.client else ""
    return SignInPlace(address, browser_name(request.headers.get("user-agent", "")))


def browser_name(user_agent: str) -> str:
    """Such as `Firefox on Linux`, by the header User-Agent; empty if neither is known."""
    known = (_first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent))
    return " on ".join(name for name in known if name)


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for part, name in names.items() if part in user_agent), "")
