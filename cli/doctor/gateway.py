"""Checks of the gateway: where it listens, and what it says of itself."""

from collections.abc import Iterator
from importlib.metadata import version

import httpx

from cli.doctor.finding import Finding, ok, problem, warning
from imaging.counted import counted
from imaging.errors import BadRequest
from jobs.settings import Settings
from service.http.proxies import trusted_proxies
from service.http.proxy_identity import proxy_identity
from service.listen_addresses import check_listen_addresses

_GATEWAY = "gateway"
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where it is called
_TIMEOUT_S = 5.0


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Whether only those can call whom something admits."""
    try:
        check_listen_addresses(settings)
    except BadRequest as error:
        yield problem("listening addresses", error.detail, error.hint)
    else:
        yield ok("listening addresses", "They agree with the rules.")


def check_proxies(settings: Settings) -> Iterator[Finding]:
    """Whether the settings say clearly what is believed of which proxy."""
    try:
        trusted, named = trusted_proxies(settings), proxy_identity(settings)
    except BadRequest as error:
        yield problem("proxies", error.detail, error.hint)
        return
    if settings.public_url.startswith("https:") and not (trusted or settings.tls_certificate):
        yield warning(
            "proxies",
            "TESSERA_PUBLIC_URL is an address by HTTPS, which neither the gateway serves nor a "
            "trusted proxy. Passwords of other machines are refused, and cookies lack `Secure`.",
            "Set TESSERA_TRUSTED_PROXIES to the address of the proxy, or TESSERA_TLS_CERTIFICATE.",
        )
    if named and not settings.proxy_secret:
        yield warning(
            "proxies",
            "A proxy signs people in, and every process on its host can do so, too.",
            "Set TESSERA_PROXY_SECRET_FILE, and let the proxy send the secret.",
        )
    elif trusted:
        count = counted(len(settings.trusted_proxies), "address is", "addresses are")
        yield ok("proxies", f"{count} trusted{', and may sign people in' if named else ''}.")


def check_gateway(settings: Settings) -> Iterator[Finding]:
    """Whether the gateway of this machine runs and is ready, and its version."""
    host = _ANY_ADDRESS.get(settings.host, settings.host)
    place = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    headers = {"Host": settings.allowed_hosts[0]} if settings.allowed_hosts else {}
    try:
        response = httpx.get(
            f"{place}/readyz", headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )
        answer = response.json()
        theirs, parts = str(answer["version"]), dict(answer["parts"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        yield warning(
            _GATEWAY,
            f"No gateway answers at {place}.",
            "If one is to run on this machine, start it, or set TESSERA_HOST and TESSERA_PORT to "
            "its values.",
        )
        return
    mine = version("tessera-seg")
    if theirs not in ("", mine):
        yield warning(
            _GATEWAY,
            f"It runs version {theirs}, and this machine has {mine}.",
            "Restart the gateway.",
        )
    wrong = {part: outcome for part, outcome in parts.items() if outcome != "ok"}
    for part, outcome in wrong.items():
        yield problem(_GATEWAY, f"It reports of its {part}: {outcome}", "Read its log.")
    if not wrong:
        yield ok(_GATEWAY, f"It is ready{theirs and f', version {theirs}'}.")
