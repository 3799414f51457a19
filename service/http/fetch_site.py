"""Which site's page makes a browser send a request (W3C Fetch Metadata).

An image, a frame or a link of another site's page is a GET without Origin. Browsers state in
`Sec-Fetch-Site` where it comes from; programs send no such header.
"""

from collections.abc import Mapping

from starlette.requests import Request

from service.http.errors import ForeignOrigin

_OWN = ("same-origin", "none")
"""`none`: the person typed the address, or opened a bookmark."""


def is_from_other_site(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin, such as another port of the host, causes the request."""
    return headers.get("sec-fetch-site", "none") not in _OWN


def is_embedded_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether another site's page embeds the response, which browsers then do not show: any other
    request than a link to a document."""
    kind = headers.get("sec-fetch-mode", "navigate"), headers.get("sec-fetch-dest", "document")
    return is_from_other_site(headers) and kind != ("navigate", "document")


def check_not_from_other_site(request: Request) -> None:
    """Raises ForeignOrigin for a GET with an effect that a page of another site causes; not for
    one with an Origin, which was checked."""
    if is_from_other_site(request.headers) and "origin" not in request.headers:
        raise foreign_origin()


def foreign_origin() -> ForeignOrigin:
    """The error for a request from a page of another site."""
    return ForeignOrigin(
        "The request comes from a page of another site.",
        expected="The service's own page, or an origin in TESSERA_ALLOWED_ORIGINS.",
        hint="Open the service's own page, or let an administrator add that site to the setting.",
    )
