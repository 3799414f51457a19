"""Where the gateway may listen: beyond this machine only if something controls who may call."""

import ipaddress

from imaging.errors import BadRequest
from jobs.settings import Settings


def check_listen_addresses(settings: Settings) -> None:
    """Raises BadRequest if anybody on the network could call over HTTP or send DICOM."""
    _check_http(settings)
    _check_dicom(settings)


def _check_http(settings: Settings) -> None:
    if settings.behind_proxy or _is_loopback(settings.host):
        return
    raise BadRequest(
        "TESSERA_HOST is reachable from other machines, and the service has no user accounts.",
        expected="A loopback address such as 127.0.0.1.",
        hint="Put a proxy with a login in front of the service, or run it in a private container "
        "network, and set TESSERA_BEHIND_PROXY=true.",
    )


def _check_dicom(settings: Settings) -> None:
    if (
        not settings.dicom_port
        or settings.dicom_allowed_callers
        or _is_loopback(settings.dicom_host)
    ):
        return
    raise BadRequest(
        "TESSERA_DICOM_HOST is reachable from other machines, and any AE title may send.",
        expected="TESSERA_DICOM_ALLOWED_CALLERS: the AE titles that may send.",
        hint="List them, and allow only their hosts in the firewall: an AE title is not proof of "
        "identity. A certificate is: see TESSERA_DICOM_TLS_CLIENT_CA.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
