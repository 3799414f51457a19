"""Where DICOM may be listened for."""

import ipaddress

from imaging.errors import BadRequest
from jobs.settings import Settings


def check(settings: Settings) -> None:
    """Raises BadRequest where anybody on the network could send."""
    if not settings.dicom_port or settings.dicom_callers or _loopback(settings.dicom_host):
        return
    raise BadRequest(
        "DICOM was asked for beyond this machine, and everybody may send.",
        expected="TESSERA_DICOM_CALLERS: the AE titles that may.",
        hint="Name them, and have a firewall let only their hosts through: a title is no proof.",
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
