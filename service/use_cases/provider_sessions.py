"""Sessions of people who signed in at an OpenID provider: begun, and confirmed by it while they
last.

Access tokens of the provider are not kept: a session has a lifetime of its own. Where the provider
gives a refresh token, it is used every `CHECK_S`: the session ends when the provider says so, and
roles follow the groups. While the provider does not answer, sessions go on to their own end.
"""

import logging

from imaging.errors import Forbidden, Unauthenticated
from jobs import repository
from jobs.browser_session import SignInMethod, SignInPlace
from jobs.repository import ProviderSession
from service.auth import SignInSessions
from service.resources.oidc.sealed_token import sealed, unsealed
from service.resources.polling_task import PollingTask
from service.use_cases.provider_sign_in import ProviderSignIn, SignedIn

logger = logging.getLogger("tessera.auth")

CHECK_S = 300.0
"""How often the provider confirms a session."""
POLL_S = 10.0
_RECOVERY = "The OpenID provider confirms sessions again."


class ProviderSessions(PollingTask):
    """A thread that has sessions confirmed, those that are due longest first."""

    def __init__(
        self,
        rows: repository.ProviderSessions,
        sessions: SignInSessions,
        sign_in: ProviderSignIn,
        secret: str,
    ) -> None:
        """`secret`: of the gateway's client."""
        self._rows, self._sessions, self._sign_in = rows, sessions, sign_in
        self._secret = secret
        super().__init__("provider-sessions", POLL_S, _RECOVERY)

    def begin(self, signed_in: SignedIn, place: SignInPlace) -> str:
        """Begins a session; the secret for the cookie. Raises Unauthenticated, and Unavailable."""
        secret = self._sessions.begin(signed_in.access.person.id, SignInMethod.OIDC, place)
        if signed_in.refresh_token:
            self._rows.keep(secret, sealed(signed_in.refresh_token, self._secret))
        return secret

    def step(self) -> bool:
        """Has one session confirmed; False if none is due. Raises Unavailable."""
        due = self._rows.claim(CHECK_S)
        if due is None:
            return False
        try:
            self._confirm(due)
        except (Unauthenticated, Forbidden):
            self._rows.end(due.session)
            self._sessions.forget()
            logger.info("The OpenID provider has ended a session.")
        self._thread.log_once("")
        return True

    def _confirm(self, due: ProviderSession) -> None:
        token = unsealed(due.refresh_token, self._secret)
        if token is None:
            raise Unauthenticated("The secret of the client has changed.")
        following = self._sign_in.refresh(token, due.person)
        if following != token:
            self._rows.replace(due.session, sealed(following, self._secret))
