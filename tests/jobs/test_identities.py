"""People of OpenID providers, and their sessions: one contract for SQLite and PostgreSQL."""

from typing import Any

import pytest

from imaging.errors import BadRequest, Conflict, NotFound
from jobs.account import ProjectRole
from jobs.browser_session import SignInMethod
from jobs.identity import Identity, login_from, marked_login
from jobs.repository import Repository

READER, VIEWER = ProjectRole.READER, ProjectRole.VIEWER
ONE, TWO = Identity("https://a.example", "1"), Identity("https://a.example", "2")


def test_login_names() -> None:
    """No e-mail address, and always one that a person may have."""
    assert login_from("R1@example.org") == "r1"
    assert login_from(" Max Müller ") == "max-m-ller"
    assert login_from("EXAMPLE\\r1") == "example-r1"
    assert login_from("@@") == login_from("ü") == ""
    assert login_from("a" * 100) == "a" * 63
    assert marked_login("a" * 63, ONE.mark) == f"{'a' * 54}-{ONE.mark}"
    assert ONE.mark != TWO.mark


def test_a_person_of_a_provider(repository: Repository) -> None:
    """It is the issuer and the subject that count: other people may have the names already."""
    rows = repository.identities
    repository.accounts.add_member("r1", "R1", "local", ProjectRole.ADMINISTRATOR)
    assert rows.find(ONE) is None
    person = rows.add(ONE, "r1", "R1")
    assert (person.login, person.name) == (f"r1-{ONE.mark}", f"R1 (r1-{ONE.mark})")
    assert rows.add(ONE, "other", "Other") == person
    assert rows.add(TWO, "r2", "R2").login == "r2"
    with pytest.raises(BadRequest):
        rows.add(Identity("https://b.example", "1"), "r3", "R3 (service)")
    found = rows.find(ONE)
    assert found is not None
    assert (found.person, found.roles) == (person, {})
    repository.accounts.set_disabled("r2", disabled=True)
    assert rows.find(TWO) is None


def test_a_known_user_is_linked_to_an_identity(repository: Repository) -> None:
    """By somebody who may change the database, and before the identity is another user."""
    rows = repository.identities
    r1 = repository.accounts.add_member("r1", "R1", "local", READER).person
    rows.link(ONE, "r1")
    assert rows.add(ONE, "other", "Other") == r1
    with pytest.raises(Conflict):
        rows.link(ONE, "r1")
    with pytest.raises(NotFound):
        rows.link(TWO, "r9")


def test_roles_are_those_that_the_provider_stated_last(repository: Repository) -> None:
    rows = repository.identities
    repository.accounts.add_project("lung")
    person = rows.add(ONE, "r1", "R1")

    def roles() -> Any:
        found = rows.find(ONE)
        assert found is not None
        return found.roles

    assert rows.set_roles(ONE, {"local": READER, "missing": READER}, 10.0) == ["local"]
    assert roles() == {"local": READER}
    assert rows.set_roles(ONE, {"local": READER, "lung": VIEWER}, 20.0) == ["lung"]
    assert rows.set_roles(ONE, {"local": ProjectRole.ADMINISTRATOR}, 15.0) == []
    assert roles() == {"local": READER, "lung": VIEWER}
    assert rows.set_roles(ONE, {"lung": READER}, 20.0) == ["local", "lung"]
    assert roles() == {"lung": READER}
    assert rows.set_roles(ONE, {}, 30.0) == ["lung"]
    assert roles() == {}
    assert rows.set_roles(TWO, {"lung": READER}, 30.0) == []
    assert [one.login for one, _ in repository.accounts.people()] == [person.login]


def test_sessions_that_a_provider_confirms(repository: Repository) -> None:
    rows, sessions = repository.provider_sessions, repository.browser_sessions
    person = repository.identities.add(ONE, "r1", "R1")
    secret = sessions.begin(person.id, SignInMethod.OIDC, 60.0)
    rows.keep(secret, "sealed")
    assert rows.claim(60.0) is None, "it was confirmed a moment ago"
    due = rows.claim(0.0)
    assert due is not None
    assert (due.person, due.refresh_token) == (person.id, "sealed")
    assert "sealed" not in repr(due)
    rows.replace(due.session, "another")
    assert (again := rows.claim(0.0)) is not None
    assert again.refresh_token == "another"
    rows.end(due.session)
    assert sessions.find(secret, 60.0) is None
    assert rows.claim(0.0) is None, "what is kept of a session goes with it"
    rows.keep("unknown", "sealed")
