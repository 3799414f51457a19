"""The authenticator of a gateway: keys, people, sessions and AE titles of the database, if it has
accounts."""

import base64
from dataclasses import replace

from imaging.errors import Forbidden, Unauthenticated
from jobs.browser_session import BrowserSession, SignInMethod
from jobs.identity import Access
from jobs.key_secret import KeySecret
from service.auth.access_tokens import AccessTokens
from service.auth.authenticator import BackgroundTask, Caller, DicomCaller, HttpCaller
from service.auth.known_callers import Known, KnownCallers
from service.auth.local_administrator import LocalAdministrator
from service.auth.principal import Principal, other_project
from service.auth.role import permissions_in
from service.auth.sign_in_sessions import SignInSessions

_DOTS_OF_TOKEN = 2
"""Of a JSON Web Token (RFC 7515, 7.1); an API key has none."""


class StoredAccounts:
    """Callers are known by API keys, sessions, login names that a proxy states, access tokens of an
    OpenID provider and AE titles, once there is a person or a key, or a provider.

    Until then every caller is the local administrator. Both change within `known_callers.MAX_AGE_S`
    in every gateway of the database. Since people and keys are never deleted, there is no way back.
    """

    def __init__(
        self,
        callers: KnownCallers,
        sessions: SignInSessions,
        tokens: AccessTokens | None = None,
    ) -> None:
        """`tokens`: None: access tokens are not accepted."""
        self._callers, self._sessions, self._tokens = callers, sessions, tokens
        self._without_accounts = LocalAdministrator()

    def authenticate(self, caller: Caller) -> Principal:
        """The caller's principal. Raises Unauthenticated, also for keys and sessions that are no
        longer valid, Forbidden for a project that is not the caller's and for unknown login names,
        and Unavailable."""
        if isinstance(caller, BackgroundTask):
            return self._without_accounts.authenticate(caller)
        known = self._callers.current()
        if not known.accounts:
            return self._without_accounts.authenticate(caller)
        if isinstance(caller, DicomCaller):
            return _sender(known, caller)
        if caller.login and not caller.authorization:
            person = principal_of(known.person(caller.login), caller.project)
            return replace(person, method=SignInMethod.PROXY)
        if caller.session and not caller.authorization:
            return self._signed_in(caller)
        credential = _credential(caller.authorization)
        if self._tokens is not None and credential.count(".") == _DOTS_OF_TOKEN:
            return principal_of(self._tokens.holder(credential), caller.project)
        return self._key_holder(known, caller, KeySecret.parse(credential))

    def _signed_in(self, caller: HttpCaller) -> Principal:
        session = self._sessions.find(caller.session, caller.idle_s)
        if session is None:
            raise Unauthenticated(
                "You are not signed in any more.",
                expected="A sign-in that has not expired and was not ended.",
                hint="Sign in again.",
            )
        return replace(principal_of(session, caller.project), method=session.method)

    def _key_holder(self, known: Known, caller: HttpCaller, key: KeySecret | None) -> Principal:
        holder = known.holder(key)
        if holder is None:
            raise Unauthenticated(
                "The API key is not valid." if caller.authorization else "There is no API key.",
                expected="The header `Authorization: Bearer KEY` with a valid API key.",
                hint="Sign in on the page, or ask an administrator of the service for a key.",
            )
        if caller.project not in ("", holder.project):
            raise other_project()
        self._callers.used(holder)
        permissions = permissions_in(holder.project, holder.roles)
        roles = {holder.project: holder.roles[0]}
        name = f"key {holder.prefix}"
        return Principal(name, holder.project, permissions, holder.reader, roles=roles)


def principal_of(session: BrowserSession | Access, project: str) -> Principal:
    """Who is signed in, or has a token, in the project that a request names, or else in the
    person's only one.

    Raises Forbidden for a project that is not the person's, whether it exists or not, and without
    one for somebody in several projects or none.
    """
    if not project and len(session.roles) == 1:
        (project,) = session.roles
    if not project:
        raise Forbidden(
            "The request does not say in which project it is.",
            expected="An address that begins with /projects/NAME/ and one of your projects.",
            hint="GET /v1/session lists your projects.",
        )
    if project not in session.roles:
        raise other_project()
    return Principal(
        name=f"user {session.person.login}",
        project=project,
        permissions=permissions_in(project, [session.roles[project]]),
        reader=session.person.name,
        login=session.person.login,
        roles=session.roles,
    )


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


def _credential(header: str) -> str:
    """The bearer token, or the password of HTTP basic (RFC 6750, RFC 7617); empty if there is
    none."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        return _password(rest.strip())
    return rest.strip() if scheme.lower() == "bearer" else ""


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, or not UTF-8
        return ""
