"""Sessions on the page that an OpenID provider confirms now and then."""

from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select, update

from jobs.random_secret import sha256_of
from jobs.repository.database import Database
from jobs.repository.schema.sign_in_tables import browser_sessions, provider_sessions


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """A session that is due to be confirmed."""

    session: str
    """Id of the session."""
    person: str
    """Id of the person."""
    refresh_token: str = field(repr=False)
    """Encrypted."""


class ProviderSessions:
    """Refresh tokens of sessions; a session that ends takes its own along."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, secret: str, refresh_token: str) -> None:
        """Keeps the encrypted refresh token of the session with this secret."""
        own = browser_sessions.c.secret_sha256 == sha256_of(secret)
        with self._database.write() as connection:
            session = connection.execute(select(browser_sessions.c.id).where(own)).scalar()
            if session is not None:
                at = self._database.clock(connection)
                row = {"session": session, "refresh_token": refresh_token, "checked_at": at}
                connection.execute(insert(provider_sessions).values(row))

    def claim(self, age_s: float) -> ProviderSession | None:
        """A session that was last checked `age_s` ago or longer; it counts as checked now, so that
        no other gateway takes it, too. None if there is none."""
        due = provider_sessions.c.checked_at <= self._database.now - age_s
        query = (
            select(provider_sessions, browser_sessions.c.person)
            .join(browser_sessions, browser_sessions.c.id == provider_sessions.c.session)
            .where(due, browser_sessions.c.expires_at > self._database.now)
            .order_by(provider_sessions.c.checked_at)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        own = provider_sessions.c.session == row["session"]
        change = update(provider_sessions).where(own, due).values(checked_at=self._database.now)
        with self._database.write() as connection:
            claimed = connection.execute(change).rowcount
        if not claimed:
            return None
        return ProviderSession(row["session"], row["person"], row["refresh_token"])

    def replace(self, session: str, refresh_token: str) -> None:
        """Keeps another encrypted refresh token of a session, by id."""
        own = provider_sessions.c.session == session
        with self._database.write() as connection:
            connection.execute(
                update(provider_sessions).where(own).values(refresh_token=refresh_token)
            )

    def end(self, session: str) -> None:
        """Ends a session, by id."""
        with self._database.write() as connection:
            connection.execute(delete(browser_sessions).where(browser_sessions.c.id == session))
