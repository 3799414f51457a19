"""Identity: who calls (`Principal`), what a caller may do (`Permission`), how callers are known.

No module here knows HTTP or DICOM. A connector describes its caller (`HttpCaller`, `DicomCaller`,
`BackgroundTask`); the one `Authenticator` of the gateway answers with a `Principal`.
"""

from service.auth.access_tokens import AccessTokens
from service.auth.authenticator import (
    Authenticator,
    BackgroundTask,
    Caller,
    DicomCaller,
    HttpCaller,
)
from service.auth.known_callers import KnownCallers
from service.auth.local_administrator import LocalAdministrator
from service.auth.operation import permissions_of, requires
from service.auth.permission import Permission
from service.auth.principal import ANONYMOUS, Principal
from service.auth.sign_in_sessions import SignInSessions
from service.auth.stored_accounts import StoredAccounts, principal_of

__all__ = [
    "ANONYMOUS",
    "AccessTokens",
    "Authenticator",
    "BackgroundTask",
    "Caller",
    "DicomCaller",
    "HttpCaller",
    "KnownCallers",
    "LocalAdministrator",
    "Permission",
    "Principal",
    "SignInSessions",
    "StoredAccounts",
    "permissions_of",
    "principal_of",
    "requires",
]
