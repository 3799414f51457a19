"""Projects, people, keys and AE titles: one contract for SQLite and PostgreSQL."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from imaging.errors import BadRequest, Conflict, NotFound
from jobs.account import DicomSender, ProjectRole
from jobs.key_secret import KeySecret
from jobs.repository import Repository
from jobs.repository.schema.account_tables import api_keys

READER, VIEWER = ProjectRole.READER, ProjectRole.VIEWER


@pytest.fixture
def accounts(repository: Repository) -> Repository:
    """Two projects, and R1, who is a reader in `local`."""
    repository.accounts.add_project("lung")
    repository.accounts.add_member("r1", "Dr. R1", "local", READER)
    return repository


def test_projects(repository: Repository) -> None:
    """There is one from the beginning."""
    repository.accounts.add_project("lung-2")
    assert [project.name for project in repository.accounts.projects()] == ["local", "lung-2"]
    with pytest.raises(Conflict):
        repository.accounts.add_project("lung-2")
    for bad in ("", "Lung", "a b", "-a", "a" * 64, "lung\n"):
        with pytest.raises(BadRequest):
            repository.accounts.add_project(bad)


def test_models_of_projects(repository: Repository) -> None:
    """Each project has its own; a project without a row may use all."""
    models = repository.project_models
    models.set("lung", {"b", "a"})
    models.set("local", set())
    models.set("lung", {"b"})
    assert models.all() == {"lung": {"b"}, "local": frozenset()}
    models.set("local", None)
    assert models.all() == {"lung": {"b"}}


def test_accounts_exist_for_good(repository: Repository) -> None:
    """From the first person or key, also when none of them is valid any more."""
    repository.accounts.add_project("lung")
    assert not repository.accounts.exist()
    key, _ = repository.api_keys.create("local", "bridge", VIEWER)
    repository.api_keys.revoke(None, key.id)
    assert repository.accounts.exist()


def test_people_and_roles(accounts: Repository) -> None:
    rows = accounts.accounts
    with pytest.raises(Conflict, match="Another user"):  # by the administrator of `lung`
        rows.add_member("r1", "Dr. R1", "lung", VIEWER)
    rows.add_member("r1", " dr.  r1 ", "lung", VIEWER, join=True)  # both names are known
    rows.set_role("r1", "local", ProjectRole.OPERATOR)
    ((person, members),) = rows.people()
    assert (person.login, person.name, person.disabled_at) == ("r1", "Dr. R1", None)
    roles = [(member.project, member.role) for member in members]
    assert roles == [("local", ProjectRole.OPERATOR), ("lung", VIEWER)]
    rows.set_role("r1", "local", None)
    assert [member.project for member in rows.members(None)] == ["lung"]
    with pytest.raises(NotFound):
        rows.set_role("r1", "local", READER)
    assert rows.set_role("r1", "local", READER, join=True)
    assert not rows.set_role("r1", "local", READER, join=True), "a change of the role alone"
    assert [member.role for member in rows.members("local")] == [READER]
    for project in ("local", "lung"):
        rows.set_role("r1", project, None)
    assert rows.add_member("r1", "Dr. R1", "lung", VIEWER).person == person, "in no project"


def test_the_last_administrator_stays(accounts: Repository) -> None:
    """Who administers a project cannot leave it to nobody; the command can."""
    rows, administrator = accounts.accounts, ProjectRole.ADMINISTRATOR
    rows.set_role("r1", "local", administrator)
    rows.add_member("r2", "R2", "local", administrator)
    rows.set_disabled("r2", disabled=True)
    for role in (READER, None):
        with pytest.raises(Conflict, match="only administrator"):
            rows.set_role("r1", "local", role, keep_administrator=True)
    rows.set_role("r1", "local", administrator, keep_administrator=True)
    rows.set_disabled("r2", disabled=False)
    rows.set_role("r1", "local", READER, keep_administrator=True)
    rows.set_role("r1", "local", None, keep_administrator=True)
    rows.set_role("r2", "local", None)


def test_names_are_unique(accounts: Repository) -> None:
    rows = accounts.accounts
    for login, name in (("r1", "R2"), ("r2", "DR. R1"), ("r1", "Dr. R1")):
        with pytest.raises(Conflict):
            rows.add_member(login, name, "local", READER)
    for login, name in (("a@b", "R2"), ("R2", "R2"), ("r2", " "), ("r2", "R2 (Service)")):
        with pytest.raises(BadRequest):
            rows.add_member(login, name, "local", READER)
    for project, login in (("none", "r1"), ("local", "r2")):
        with pytest.raises(NotFound):
            rows.set_role(login, project, READER, join=True)
    with pytest.raises(NotFound):
        rows.add_member("r2", "R2", "none", READER)
    with pytest.raises(NotFound):
        rows.set_disabled("r2", disabled=True)


def test_a_key_is_stored_as_a_hash(accounts: Repository) -> None:
    key, secret = accounts.api_keys.create("lung", "CT bridge", VIEWER, lifetime_s=60)
    assert KeySecret.parse(secret.text) == secret
    (holder,) = accounts.api_keys.holders()
    assert (holder.key, holder.prefix, holder.project) == (key.id, secret.prefix, "lung")
    assert (holder.secret_sha256, holder.roles) == (secret.sha256, (VIEWER,))
    assert holder.reader == "CT bridge (service)"
    with accounts.database.read() as connection:
        assert secret.secret not in str(connection.execute(select(api_keys)).all())
    assert accounts.api_keys.page("local") == ([], None)
    assert accounts.api_keys.page("lung") == ([key], None)
    assert key.expires_at == key.created_at + 60
    assert secret.secret not in repr(secret)


@pytest.mark.parametrize(
    "text", ["", "tsk_", "tsk_abcdefgh_", "tsk_abcdefgh_" + "a" * 42, "tsk_abcdefgh_" + "é" * 43]
)
def test_what_is_no_key(text: str) -> None:
    assert KeySecret.parse(text) is None


def test_keys_that_are_not_created(accounts: Repository) -> None:
    create = accounts.api_keys.create
    for lifetime_s in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadRequest):
            create("local", "x", VIEWER, lifetime_s=lifetime_s)
    with pytest.raises(BadRequest, match="needs a role"):
        create("local", "x", None)
    for project, login in (("none", None), ("lung", "r1"), ("local", "r2")):
        with pytest.raises(NotFound):
            create(project, "x", VIEWER, login=login)


def test_which_keys_are_valid(accounts: Repository) -> None:
    """A key that expired, was revoked, or whose person is disabled or has left, is not."""

    def valid() -> list[str]:
        return sorted(holder.reader for holder in accounts.api_keys.holders())

    mine, _ = accounts.api_keys.create("local", "laptop", None, login="r1")
    assert mine.role is READER
    other, _ = accounts.api_keys.create("local", "b", VIEWER, lifetime_s=3600)
    assert valid() == ["Dr. R1", "b (service)"]
    with accounts.database.write() as connection:
        old = update(api_keys).where(api_keys.c.id == other.id)
        connection.execute(old.values(expires_at=1.0))
    assert valid() == ["Dr. R1"]
    accounts.accounts.set_disabled("r1", disabled=True)
    assert valid() == []
    accounts.accounts.set_disabled("r1", disabled=False)
    accounts.accounts.set_role("r1", "local", VIEWER)
    (holder,) = accounts.api_keys.holders()
    assert holder.roles == (READER, VIEWER)
    accounts.accounts.set_role("r1", "local", None)
    accounts.accounts.set_role("r1", "lung", READER, join=True)
    assert valid() == []
    accounts.accounts.set_role("r1", "local", READER, join=True)
    with pytest.raises(NotFound):
        accounts.api_keys.revoke("lung", mine.id)
    accounts.api_keys.revoke("local", mine.prefix)
    assert valid() == []
    (_, shown), _ = accounts.api_keys.page("local")
    assert shown.revoked_at is not None
    accounts.api_keys.revoke("local", mine.id)
    (_, again), _ = accounts.api_keys.page(None)
    assert again.revoked_at == shown.revoked_at


def test_the_last_use_is_stored_to_the_minute(accounts: Repository) -> None:
    key, _ = accounts.api_keys.create("local", "b", VIEWER)
    accounts.api_keys.note_use([key.id])
    ((used),), _ = accounts.api_keys.page("local")
    assert used.last_used_at is not None
    assert used.last_used_at % 60 == 0
    assert 0 <= key.created_at - used.last_used_at + 60 < 120
    assert replace(used, last_used_at=None) == key


def test_dicom_senders(accounts: Repository) -> None:
    rows = accounts.dicom_senders
    added = rows.add("CT 1", "lung", ProjectRole.UPLOADER)
    assert rows.all() == [added]
    assert added == DicomSender("CT 1", "lung", ProjectRole.UPLOADER, added.created_at)
    with pytest.raises(Conflict):
        rows.add("CT 1", "local", ProjectRole.UPLOADER)
    with pytest.raises(NotFound):
        rows.add("CT 2", "none", ProjectRole.UPLOADER)
    for bad in ("", " CT", "C\\T", "C" * 17):
        with pytest.raises(BadRequest):
            rows.add(bad, "local", ProjectRole.UPLOADER)
    rows.remove("CT 1")
    assert rows.all() == []
    with pytest.raises(NotFound):
        rows.remove("CT 1")


def test_a_database_of_an_earlier_version_has_no_accounts(accounts: Repository) -> None:
    """Its rows belong to `local`, which is a project from the migration on."""
    with accounts.database.read() as connection:
        query = text("SELECT count(*) FROM projects WHERE name = 'local' AND created_at > 1.7e9")
        assert connection.execute(query).scalar_one() == 1
