"""Sessions of people who signed in: one contract for SQLite and PostgreSQL."""

import pytest
from sqlalchemy import update

from imaging.errors import Forbidden, NotFound, Unauthenticated
from jobs.account import ProjectRole
from jobs.browser_session import UNKNOWN_PLACE, SignInMethod, SignInPlace
from jobs.repository import BrowserSessions, Repository
from jobs.repository.browser_sessions import GRACE_S
from jobs.repository.schema.sign_in_tables import browser_sessions

HOUR_S = 3600.0


@pytest.fixture
def person(repository: Repository) -> str:
    """The id of R1, a reader in `local` and a viewer in `lung`."""
    repository.accounts.add_project("lung")
    repository.accounts.add_member("r1", "R1", "lung", ProjectRole.VIEWER)
    accounts = repository.accounts
    person = accounts.add_member("r1", "R1", "local", ProjectRole.READER, join=True).person.id
    repository.passwords.set_by_link(repository.passwords.invite("r1", 60.0).secret, "hash")
    return person


def _begun(repository: Repository, person: str) -> str:
    return repository.browser_sessions.begin(person, SignInMethod.PASSWORD, 2 * HOUR_S)


def _shift(repository: Repository, column: str, by_s: float) -> None:
    """Moves a time of all sessions into the past."""
    moved = browser_sessions.c[column] - by_s
    with repository.database.write() as connection:
        connection.execute(update(browser_sessions).values({column: moved}))


def test_a_session_knows_its_person_and_the_roles_of_now(
    repository: Repository, person: str
) -> None:
    rows = repository.browser_sessions
    secret = _begun(repository, person)
    session = rows.find(secret, HOUR_S)
    assert session is not None
    assert (session.person.login, session.method) == ("r1", SignInMethod.PASSWORD)
    assert session.roles == {"local": ProjectRole.READER, "lung": ProjectRole.VIEWER}
    assert session.expires_at - session.created_at == 2 * HOUR_S
    repository.accounts.set_role("r1", "local", None)
    repository.accounts.set_role("r1", "lung", None)
    session = rows.find(secret, HOUR_S)
    assert session is not None
    assert session.roles == {}
    assert rows.find(secret[:-1], HOUR_S) is None
    with pytest.raises(Unauthenticated):
        rows.begin("nobody", SignInMethod.OIDC, HOUR_S)


def test_sessions_end_unused_and_in_any_case(repository: Repository, person: str) -> None:
    rows = repository.browser_sessions
    secret = _begun(repository, person)
    session = rows.find(secret, HOUR_S)
    assert session is not None
    _shift(repository, "used_at", HOUR_S + 1)
    assert rows.find(secret, HOUR_S) is None
    rows.note_use(session.id, 30.0)
    assert rows.find(secret, HOUR_S) is not None
    rows.note_use(session.id, 3000.0)  # another tab that was left before: nothing changes
    assert rows.find(secret, 60.0) is not None
    _shift(repository, "expires_at", 2 * HOUR_S)
    assert rows.find(secret, HOUR_S) is None
    _begun(repository, person)
    with repository.database.read() as connection:
        assert len(connection.execute(browser_sessions.select()).all()) == 1, "it is deleted"


def test_a_renewed_secret_replaces_the_one_before(repository: Repository, person: str) -> None:
    rows = repository.browser_sessions
    first = _begun(repository, person)
    assert rows.renew(first, 10.0) is None, "it is young"
    _shift(repository, "renewed_at", 11.0)
    second = rows.renew(first, 10.0)
    assert second is not None
    assert rows.renew(first, 0.0) is None, "another tab was faster"
    assert rows.find(first, HOUR_S) == rows.find(second, HOUR_S) is not None
    _shift(repository, "renewed_at", GRACE_S)
    assert rows.find(first, HOUR_S) is None
    assert rows.find(second, HOUR_S) is not None


def test_sessions_are_listed_and_ended_one_by_one(repository: Repository, person: str) -> None:
    rows, place = repository.browser_sessions, SignInPlace("192.0.2.7", "Firefox on Linux")
    old = rows.begin(person, SignInMethod.PASSWORD, 2 * HOUR_S, place)
    _shift(repository, "used_at", 60.0)
    kept = _begun(repository, person)
    newer, older = rows.of("r1", HOUR_S)
    assert (older.place, newer.place) == (place, UNKNOWN_PLACE)
    assert rows.of("r1", 30.0) == [newer], "the other one has ended by itself"
    repository.accounts.add_member("r2", "R2", "local", ProjectRole.READER)
    for login, session in (("r1", "none"), ("r2", older.id), ("nobody", older.id)):
        with pytest.raises(NotFound):
            rows.end_of(login, session)
    for project, error in (("lung", Forbidden), ("other", NotFound)):
        with pytest.raises(error):
            rows.of("r1", HOUR_S, only_in=project)
        with pytest.raises(error):
            rows.end_of("r1", only_in=project)
    rows.end_of("r1", older.id)
    assert rows.find(old, HOUR_S) is None
    assert rows.find(kept, HOUR_S) is not None


def test_what_ends_sessions(repository: Repository, person: str) -> None:
    rows: BrowserSessions = repository.browser_sessions
    one, two, three = (_begun(repository, person) for _ in range(3))
    rows.end(one)
    assert rows.find(one, HOUR_S) is None
    kept = rows.find(two, HOUR_S)
    assert kept is not None
    rows.end_of("r1", but=kept.id)
    assert rows.find(three, HOUR_S) is None
    assert rows.find(two, HOUR_S) is not None
    repository.accounts.set_disabled("r1", disabled=True)
    repository.accounts.set_disabled("r1", disabled=False)
    assert rows.find(two, HOUR_S) is None, "enabling does not bring it back"
    repository.accounts.set_disabled("r1", disabled=True)
    with pytest.raises(Unauthenticated):
        _begun(repository, person)
