"""The authenticator of a gateway: keys and AE titles of the database, if it has accounts."""

import base64

from imaging.errors import Unauthenticated
from jobs.key_secret import KeySecret
from service.auth.authenticator import BackgroundTask, Caller, DicomCaller, HttpCaller
from service.auth.known_callers import Known, KnownCallers
from service.auth.local_administrator import LocalAdministrator
from service.auth.principal import Principal
from service.auth.role import permissions_in


class StoredAccounts:
    """Callers are known by API keys and AE titles, once there is a person or a key.

    Until then every caller is the local administrator. Both change within `known_callers.MAX_AGE_S`
    in every gateway of the database. Since people and keys are never deleted, there is no way back.
    """

    def __init__(self, callers: KnownCallers) -> None:
        self._callers = callers
        self._without_accounts = LocalAdministrator()

    def authenticate(self, caller: Caller) -> Principal:
        """The caller's principal. Raises Unauthenticated, also for keys that are no longer valid,
        and Unavailable."""
        if isinstance(caller, BackgroundTask):
            return self._without_accounts.authenticate(caller)
        known = self._callers.current()
        if not known.accounts:
            return self._without_accounts.authenticate(caller)
        if isinstance(caller, DicomCaller):
            return _sender(known, caller)
        return self._key_holder(known, caller)

    def _key_holder(self, known: Known, caller: HttpCaller) -> Principal:
        holder = known.holder(_key(caller.authorization))
        if holder is None:
            raise Unauthenticated(
                "The API key is not valid." if caller.authorization else "There is no API key.",
                expected="The header `Authorization: Bearer KEY` with a valid API key.",
                hint="Ask an administrator of the service for a key.",
            )
        self._callers.used(holder)
        permissions = permissions_in(holder.project, holder.roles)
        return Principal(f"key {holder.prefix}", holder.project, permissions, holder.reader)


def _sender(known: Known, caller: DicomCaller) -> Principal:
    sender = known.senders.get(caller.ae_title)
    if sender is None:
        raise Unauthenticated(
            "The calling AE title belongs to no project.",
            expected="An AE title that `tessera dicom-callers list` shows.",
            hint="Add it with `tessera dicom-callers add`.",
        )
    permissions = permissions_in(sender.project, [sender.role])
    return Principal(f"AE title {sender.ae_title}", sender.project, permissions)


def _key(header: str) -> KeySecret | None:
    """The bearer token, or the password of HTTP basic (RFC 6750, RFC 7617)."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        return KeySecret.parse(_password(rest.strip()))
    return KeySecret.parse(rest.strip()) if scheme.lower() == "bearer" else None


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, or not UTF-8
        return ""
