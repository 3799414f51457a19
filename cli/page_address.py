"""Where people open the review page."""

from jobs.settings import Settings


def page_address(settings: Settings) -> str:
    """TESSERA_PUBLIC_URL, or else the gateway's own address, without a slash at the end."""
    return settings.public_url.rstrip("/") or gateway_address(settings)


def gateway_address(settings: Settings) -> str:
    """The address for a browser on the gateway's machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    scheme = "https" if settings.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
