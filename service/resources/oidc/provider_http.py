"""HTTP to an OpenID provider: short answers of JSON within a short time, from one place.

Redirects are not followed, and proxies of the environment are not used. An address must be HTTPS,
unless it is this machine.
"""

import ipaddress
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from imaging.errors import BadRequest
from service.resources.oidc.problems import unavailable

TIMEOUT_S = 5.0
"""How long the provider may be silent, and about how long an answer may take."""
MAX_BYTES = 1 << 20
"""Longest answer."""
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class ProviderHttp:
    """Sends requests to a provider; safe to use from many threads."""

    def __init__(self, authorities: Path | None) -> None:
        """`authorities`: a file of certificates; None: those of the system. Raises BadRequest."""
        self._tls = _context(authorities)

    def get(self, url: str, token: str = "") -> dict[str, Any]:
        """The JSON object at an address; raises ProviderUnavailable."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, _, content = self._exchange("GET", url, headers=headers)
        if status != httpx.codes.OK:
            raise unavailable(f"it answers with status {status}")
        return _object(content)

    def date(self, url: str) -> str:
        """The header Date of an answer; empty if there is none. Raises ProviderUnavailable."""
        _, headers, _ = self._exchange("GET", url)
        return str(headers.get("date", ""))

    def post(
        self, url: str, form: Mapping[str, str], login: tuple[str, str] | None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of the answer to a form; raises ProviderUnavailable.

        `login`: user and password of HTTP basic.
        """
        status, _, content = self._exchange("POST", url, data=dict(form), auth=login)
        return status, _object(content)

    def _exchange(self, method: str, url: str, **options: Any) -> tuple[int, httpx.Headers, bytes]:
        if not is_safe(url):
            raise unavailable("it names an address that is not HTTPS")
        end = time.monotonic() + TIMEOUT_S
        try:
            with (
                httpx.Client(
                    verify=self._tls, timeout=TIMEOUT_S, trust_env=False, headers=_HEADERS
                ) as client,
                client.stream(method, url, **options) as response,
            ):
                return response.status_code, response.headers, _content(response, end)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unavailable(_reason(error)) from error


def is_safe(url: str) -> bool:
    """Whether an address is HTTPS, or HTTP on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "http":
        return host == "localhost" or _is_loopback(host)
    return parts.scheme == "https" and bool(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _context(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise BadRequest(
            "TESSERA_OIDC_CA cannot be read.",
            expected="A file of certificates in PEM form.",
            hint="Correct the file, or remove the setting.",
        ) from error


def _content(response: httpx.Response, end: float) -> bytes:
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > MAX_BYTES:
            raise unavailable(f"its answer is longer than {MAX_BYTES:,} bytes")
        if time.monotonic() > end:
            raise unavailable(f"its answer takes longer than {TIMEOUT_S:g} s")
    return bytes(content)


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise unavailable("its answer is no JSON object")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"it does not answer within {TIMEOUT_S:g} s"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):  # httpx keeps the text of OpenSSL alone
        return "its certificate is not valid"
    if isinstance(error, httpx.ConnectError):
        return "it cannot be reached"
    return "it does not answer with HTTP"
