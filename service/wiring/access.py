"""Access: who may call, and how people sign in."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from jobs.repository import Repository
from jobs.settings import Settings
from service.auth import Authenticator, KnownCallers, SignInSessions, StoredAccounts
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.openid import OpenId, openid_of


@dataclass(frozen=True, slots=True)
class Access:
    """What recognises callers."""

    callers: KnownCallers
    sessions: SignInSessions
    openid: OpenId | None
    authenticator: Authenticator


def open_access(
    settings: Settings,
    repository: Repository,
    recorder: AuditRecorder,
    authenticator: Authenticator | None,
    stack: AsyncExitStack,
) -> Access:
    """Reads the known callers, and goes on reading them; `stack` stops it.

    `authenticator`: None for the accounts in the database. Raises BadRequest for settings of an
    OpenID provider that cannot be used.
    """
    callers = _callers(settings, repository, stack)
    sessions = SignInSessions(
        repository.browser_sessions, settings.session_idle_s, settings.session_lifetime_s
    )
    openid = openid_of(settings, repository, sessions, recorder)
    tokens = None
    if openid is not None:
        stack.callback(openid.provider.close)
        tokens = openid.tokens
    authenticator = authenticator or StoredAccounts(callers, sessions, tokens)
    return Access(callers, sessions, openid, authenticator)


def _callers(settings: Settings, repository: Repository, stack: AsyncExitStack) -> KnownCallers:
    callers = KnownCallers(
        repository.accounts,
        repository.api_keys,
        repository.dicom_senders,
        repository.project_models,
        closed=bool(settings.oidc_issuer),
    )
    stack.callback(callers.stop)
    callers.start()
    return callers
