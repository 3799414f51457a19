"""Passwords, setup links and failed attempts: one contract for SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from imaging.errors import Forbidden, NotFound, Unauthenticated
from jobs.account import ProjectRole
from jobs.browser_session import SignInMethod
from jobs.identity import Identity
from jobs.repository import Repository
from jobs.repository.schema.sign_in_tables import known_browsers, sign_in_failures
from jobs.repository.sign_in_attempts import FREE_FAILURES


@pytest.fixture
def person(repository: Repository) -> str:
    """The id of R1, who is in `lung` alone."""
    repository.accounts.add_project("lung")
    return repository.accounts.add_member("r1", "R1", "lung", ProjectRole.READER).person.id


def test_a_link_sets_a_password_once(repository: Repository, person: str) -> None:
    """With the password, all sessions end, and the browsers of before are not known any more."""
    rows = repository.passwords
    assert rows.of("r1") is None
    old = rows.invite("r1", 60.0)
    link = rows.invite("r1", 60.0, only_in="lung")
    assert rows.invited(link.secret).login == "r1"
    session = repository.browser_sessions.begin(person, SignInMethod.OIDC, 60.0)
    browser = repository.sign_in_attempts.succeeded("none", person)
    at_name = repository.sign_in_attempts.counter("r1", "")
    assert repository.sign_in_attempts.counter("r1", browser) != at_name
    assert rows.set_by_link(link.secret, "first").id == person
    assert repository.browser_sessions.find(session, 60.0) is None
    assert repository.sign_in_attempts.counter("r1", browser) == at_name
    for spent in (old.secret, link.secret, "x"):
        with pytest.raises(NotFound):
            rows.set_by_link(spent, "second")
    stored = rows.of("r1")
    assert stored is not None
    assert (stored.person.id, stored.hash) == (person, "first")
    rows.rehash(person, "other", "not this")
    rows.rehash(person, "first", "again")
    stored = rows.of("r1")
    assert stored is not None
    assert stored.hash == "again"
    repository.accounts.set_disabled("r1", disabled=True)
    assert rows.of("r1") is None
    with pytest.raises(NotFound):
        rows.invited(rows.invite("r1", 60.0).secret)


def test_an_administrator_invites_users_of_the_own_project_alone(
    repository: Repository, person: str
) -> None:
    rows = repository.passwords
    assert person
    with pytest.raises(NotFound):
        rows.invite("r1", 60.0, only_in="local")
    repository.accounts.set_role("r1", "local", ProjectRole.VIEWER, join=True)
    with pytest.raises(Forbidden):
        rows.invite("r1", 60.0, only_in="lung")
    with pytest.raises(NotFound):
        rows.invite("nobody", 60.0)


def test_a_user_of_a_provider_gets_links_from_no_administrator_of_a_project(
    repository: Repository, person: str
) -> None:
    """The provider can give roles in other projects at any time, which the password would open."""
    rows, identity = repository.passwords, Identity("https://login.example.org", "r1")
    kept = rows.invite("r1", 60.0, only_in="lung")
    repository.identities.link(identity, "r1")
    with pytest.raises(Forbidden):
        rows.invite("r1", 60.0, only_in="lung")
    with pytest.raises(NotFound):
        rows.invited(kept.secret)
    kept = rows.invite("r1", 60.0)
    repository.identities.set_roles(identity, {"lung": ProjectRole.VIEWER}, 1.0)
    assert rows.invited(kept.secret).id == person
    roles = {"lung": ProjectRole.VIEWER, "local": ProjectRole.READER}
    repository.identities.set_roles(identity, roles, 2.0)
    with pytest.raises(NotFound):
        rows.invited(kept.secret)
    assert rows.invite("r1", 60.0)


def test_a_link_ends_when_its_user_joins_another_project(
    repository: Repository, person: str
) -> None:
    """Otherwise an administrator could keep one, and act in a project that the user joins later."""
    rows, accounts = repository.passwords, repository.accounts
    accounts.add_project("brain")
    kept = rows.invite("r1", 60.0, only_in="lung")
    accounts.set_role("r1", "lung", ProjectRole.VIEWER)
    assert rows.invited(kept.secret).id == person
    accounts.set_role("r1", "brain", ProjectRole.READER, join=True)
    with pytest.raises(NotFound):
        rows.set_by_link(kept.secret, "hash")
    kept = rows.invite("r1", 60.0)
    accounts.set_role("r1", "local", ProjectRole.READER, join=True)
    with pytest.raises(NotFound):
        rows.set_by_link(kept.secret, "hash")


@pytest.mark.parametrize("way", ["role", "added", "after leaving", "provider"])
def test_what_opens_one_project_opens_no_other_that_its_user_joins(
    repository: Repository, person: str, way: str
) -> None:
    """The administrator of `lung` may have taken the login name, and know the password."""
    rows, sessions, accounts = (
        repository.passwords,
        repository.browser_sessions,
        repository.accounts,
    )
    identity = Identity("https://login.example.org", "r1")
    rows.set_by_link(rows.invite("r1", 60.0, only_in="lung").secret, "known to others")
    by_password = sessions.begin(person, SignInMethod.PASSWORD, 60.0)
    session = sessions.find(by_password, 60.0)
    assert session is not None
    by_provider = sessions.begin(person, SignInMethod.OIDC, 60.0)
    browser = repository.sign_in_attempts.succeeded("none", person)
    if way == "role":
        accounts.set_role("r1", "local", ProjectRole.READER, join=True)
    elif way == "added":
        accounts.add_member("r1", "R1", "local", ProjectRole.READER, join=True)
    elif way == "after leaving":
        accounts.set_role("r1", "lung", None)
        accounts.add_member("r1", "R1", "local", ProjectRole.READER)
    else:
        repository.identities.link(identity, "r1")
        assert rows.of("r1") is not None
        repository.identities.set_roles(identity, {"local": ProjectRole.READER}, 1.0)
    assert rows.of("r1") is None
    assert sessions.find(by_password, 60.0) is None
    assert sessions.find(by_provider, 60.0) is not None
    assert not repository.sign_in_attempts.knows("r1", browser)
    with pytest.raises(Unauthenticated):  # a request that had checked the password already
        sessions.begin(person, SignInMethod.PASSWORD, 60.0)
    with pytest.raises(Unauthenticated):
        rows.change(person, "known again", session.id)


def test_a_change_keeps_the_session_in_which_it_is_made(
    repository: Repository, person: str
) -> None:
    sessions = repository.browser_sessions
    repository.passwords.set_by_link(repository.passwords.invite("r1", 60.0).secret, "old")
    kept, other = (sessions.begin(person, SignInMethod.PASSWORD, 60.0) for _ in range(2))
    session = sessions.find(kept, 60.0)
    assert session is not None
    repository.passwords.change(person, "new", session.id)
    assert sessions.find(kept, 60.0) is not None
    assert sessions.find(other, 60.0) is None


def test_attempts_at_the_same_moment_are_all_counted(repository: Repository, person: str) -> None:
    """So a guesser gains nothing by many connections. After a day, failures are forgotten."""
    rows = repository.sign_in_attempts
    counter = rows.counter("r1", "")
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda _: rows.begin(counter), range(FREE_FAILURES + 5)))
    assert waits.count(0) == FREE_FAILURES
    assert set(waits) <= {0, 1, 2}
    assert rows.begin(rows.counter("r2", "")) == 0
    rows.succeeded(counter, person)
    assert rows.begin(counter) == 0
    with repository.database.write() as connection:
        spent = {"failures": 99, "last_at": sign_in_failures.c.last_at - 90_000}
        connection.execute(update(sign_in_failures).values(spent))
    assert rows.begin(counter) == 0


def test_a_browser_is_known_for_half_a_year(repository: Repository, person: str) -> None:
    rows = repository.sign_in_attempts
    browser = rows.succeeded("none", person)
    assert rows.counter("r1", browser) != rows.counter("r1", "")
    assert rows.counter("r2", browser) == rows.counter("r2", ""), "it is known for its person"
    with repository.database.write() as connection:
        used_at = known_browsers.c.used_at - 181 * 86_400
        connection.execute(update(known_browsers).values(used_at=used_at))
    assert rows.counter("r1", browser) == rows.counter("r1", "")
