"""Sign-ins by a proxy, for the audit trail.

With a proxy, no request signs anybody in: each says who it is. So the first request of a person
from an address is recorded as the sign-in, and the next one after a while without use.
"""

from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.log_format import log_field
from jobs.repository import Accounts
from service.auth import ANONYMOUS, KnownCallers, Principal
from service.resources.recent_keys import RecentKeys
from service.use_cases.audit_recorder import NO_OBJECT, AuditRecorder, Deed, Object

_MOST = 20_000
"""Pairs of a login name and an address that are remembered."""


class ProxySignIns:
    """Records once who begins to use the service, and who is refused; thread-safe."""

    def __init__(
        self, recorder: AuditRecorder, accounts: Accounts, callers: KnownCallers, idle_s: float
    ) -> None:
        """`idle_s`: a person who did nothing for so long signs in again with the next request."""
        self._recorder, self._accounts, self._callers = recorder, accounts, callers
        self._idle_s = idle_s
        self._present = RecentKeys(idle_s, _MOST, extended=True)

    def begins(self, login: str, origin: str, idle_s: float) -> bool:
        """Whether a request of a person from an address is to be recorded; does not wait.

        `idle_s`: how many seconds ago the person did something. Raises Unavailable.
        """
        exists = login in self._callers.current().people
        return idle_s < self._idle_s and self._present.is_new((login, origin, exists))

    def record(self, login: str, origin: str) -> None:
        """Records that the proxy names a person. Raises Unavailable."""
        known = self._callers.current()
        if not known.accounts:
            return
        if login in known.people:
            self._note(Principal(f"user {login}", ""), login, origin)
        elif self._accounts.has_person(login):  # disabled
            self._note(ANONYMOUS, login, origin)
        else:  # nobody knows what the text is
            self.refused(origin)

    def refused(self, origin: str) -> None:
        """Records a header that does not come from the proxy, lacks its secret or names nobody."""
        self._note(ANONYMOUS, "", origin)

    def _note(self, principal: Principal, login: str, origin: str) -> None:
        account: Object = (AuditObject.ACCOUNT, login) if login else NO_OBJECT
        deed = Deed(
            principal=principal,
            action=AuditAction.SIGN_IN,
            outcome=AuditOutcome.SUCCESS if principal.name else AuditOutcome.DENIED,
            objects=(account,),
            origin=origin,
            request=log_field("request"),
        )
        self._recorder.note(deed, repeats=not principal.name)
