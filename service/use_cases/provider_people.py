"""People whom the OpenID provider knows: added when they first come, with the roles of their
groups."""

import threading
import time

from imaging.errors import Forbidden
from jobs.audit.event import AuditAction, AuditObject
from jobs.identity import Access, Identity, login_from
from jobs.repository import Identities
from jobs.settings import Settings
from service.auth import Principal
from service.auth.known_callers import REFRESH_S
from service.resources.oidc.group_roles import GroupRoles, are_elsewhere, groups_in
from service.resources.oidc.token_verifier import Claims
from service.use_cases.audit_recorder import AuditRecorder, Deed

_PROVIDER = "OpenID provider"
"""Who changes roles, in the audit trail."""
_MOST = 10_000
"""People who are remembered."""

Groups = frozenset[str]
Stated = tuple[float, Groups]
"""When the provider stated the groups of somebody, to the second, and the groups."""


class ProviderPeople:
    """Turns what a token says into a person with roles; thread-safe.

    The newest token of a person counts: what it says of groups is stored as roles. A role that the
    provider takes away is gone with the next token that it issues, for older tokens of the person,
    too.
    """

    def __init__(
        self, rows: Identities, roles: GroupRoles, settings: Settings, recorder: AuditRecorder
    ) -> None:
        self._rows, self._roles, self._settings = rows, roles, settings
        self._recorder = recorder
        self._stated: dict[Identity, tuple[float, frozenset[Groups]]] = {}
        """Of each person, the newest time, and all that was stated at that time."""
        self._known: dict[Identity, tuple[float, Access]] = {}
        self._mutex = threading.Lock()

    def admit(self, claims: Claims) -> Access:
        """The person of a verified token; raises Forbidden, and Unavailable."""
        identity = Identity(str(claims["iss"]), str(claims["sub"]))
        stated = self._stated_in(claims)
        if self._is_news(identity, stated):
            self._apply(identity, claims, stated)
        access = self._current(identity)
        if access is None and self._roles.of(stated[1]):
            raise Forbidden(
                "You are known to the provider, and may not use this service.",
                expected="A user who is not disabled, in a group with a role in a project.",
                hint="Ask an administrator of the service.",
            )
        if access is None or not access.roles:
            raise _without_role()
        return access

    def _stated_in(self, claims: Claims) -> Stated:
        name = self._settings.oidc_groups_claim
        if are_elsewhere(claims, name):
            raise Forbidden(
                "You are in more groups than the provider writes into a token.",
                expected=f"A token with the claim {name}.",
                hint="An administrator lets the provider state roles, or only the groups that are "
                "assigned to this service.",
            )
        return float(claims["iat"]), groups_in(claims, name)

    def _is_news(self, identity: Identity, stated: Stated) -> bool:
        at, groups = stated
        last_at, last = self._stated.get(identity, (-1.0, frozenset()))
        return at > last_at or (at == last_at and groups not in last)

    def _apply(self, identity: Identity, claims: Claims, stated: Stated) -> None:
        at, groups = stated
        roles = self._roles.of(groups)
        if roles and self._rows.find(identity) is None:
            self._add(identity, claims)
        changed = self._rows.set_roles(identity, roles, at)
        with self._mutex:
            if len(self._stated) >= _MOST:
                self._stated, self._known = {}, {}
            last_at, last = self._stated.get(identity, (at, frozenset()))
            same = last if last_at == at else frozenset()
            self._stated[identity] = at, same | {groups}
            self._known.pop(identity, None)
        if changed and (access := self._rows.find(identity)):
            self._record(access, changed)

    def _add(self, identity: Identity, claims: Claims) -> None:
        login = login_from(self._text(claims, self._settings.oidc_login_claim))
        name = self._text(claims, self._settings.oidc_name_claim)
        self._rows.add(identity, login or f"user-{identity.mark}", name)

    def _text(self, claims: Claims, name: str) -> str:
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            return value
        raise Forbidden(
            f"You come for the first time, and the token has no claim {name}.",
            expected=f"A text in the claim {name}, from which your account is made.",
            hint="Sign in on the page first, or let the provider write the claim into its tokens.",
        )

    def _current(self, identity: Identity) -> Access | None:
        """As the database said at most `REFRESH_S` ago."""
        known, now = self._known.get(identity), time.monotonic()
        if known is not None and now - known[0] < REFRESH_S:
            return known[1]
        access = self._rows.find(identity)
        with self._mutex:
            if access is None:
                self._known.pop(identity, None)
            else:
                self._known[identity] = (now, access)
        return access

    def _record(self, access: Access, projects: list[str]) -> None:
        for project in projects:
            self._recorder.done(
                Deed(
                    Principal(_PROVIDER, project),
                    AuditAction.KEY_CHANGE,
                    objects=((AuditObject.ACCOUNT, access.person.login),),
                )
            )


def _without_role() -> Forbidden:
    return Forbidden(
        "None of your groups has a role in a project of this service.",
        expected="A group that the file of TESSERA_OIDC_GROUPS names.",
        hint="Ask an administrator of the service, and then sign in again.",
    )
