"""Where the gateway may listen: beyond this machine only if something controls who may call."""

import ipaddress

from imaging.errors import BadRequest
from jobs.server_database import has_database, server_database
from jobs.settings import Settings


def check_listen_addresses(settings: Settings) -> None:
    """Raises BadRequest if anybody on the network could call over HTTP or send DICOM.

    With accounts, or an OpenID provider, every address is allowed: callers need a key or a sign-in,
    or an AE title of a project. Raises Unavailable if the database, which has the accounts, does
    not answer.
    """
    problems = [problem for problem in (_of_http(settings), _of_dicom(settings)) if problem]
    if problems and not _accounts_exist(settings):
        raise problems[0]


def _of_http(settings: Settings) -> BadRequest | None:
    if settings.behind_proxy or _is_loopback(settings.host):
        return None
    return BadRequest(
        "TESSERA_HOST is reachable from other machines, and the service has no accounts.",
        expected="A loopback address such as 127.0.0.1, or accounts.",
        hint="Create a key with `tessera keys create`. Or put a proxy with a login in front of the "
        "service, or run it in a private container network, and set TESSERA_BEHIND_PROXY=true.",
    )


def _of_dicom(settings: Settings) -> BadRequest | None:
    if (
        not settings.dicom_port
        or settings.dicom_allowed_callers
        or _is_loopback(settings.dicom_host)
    ):
        return None
    return BadRequest(
        "TESSERA_DICOM_HOST is reachable from other machines, and any AE title may send.",
        expected="TESSERA_DICOM_ALLOWED_CALLERS: the AE titles that may send.",
        hint="List them, and allow only their hosts in the firewall: an AE title is not proof of "
        "identity. A certificate is: see TESSERA_DICOM_TLS_CLIENT_CA.",
    )


def _accounts_exist(settings: Settings) -> bool:
    if settings.oidc_issuer:
        return True
    if not has_database(settings):
        return False
    with server_database(settings) as repository:
        return repository.accounts.exist()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
