"""`tessera projects`, `users`, `keys` and `dicom-callers`, and the key of `--server`."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from cli.client import Client, api_client
from imaging.errors import BadRequest
from jobs.audit.event import AuditAction
from jobs.audit.filter import AuditFilter
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from tests.support.cards import write_cards
from tests.support.command_line import run, tessera
from tests.support.images import nifti_bytes
from tests.support.served_app import served
from tests.support.stored_accounts import settings_in
from tests.support.waiting import until


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The commands use a data folder that does not exist yet."""
    found = settings_in(tmp_path)
    monkeypatch.setenv("TESSERA_DATA", str(found.data))
    return found


def created(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The key that `tessera keys create` prints on stdout, alone."""
    assert tessera("keys", "create", *arguments) == 0
    out, err = capsys.readouterr()
    assert "cannot be shown again" in err
    return out.strip()


@pytest.fixture
def server(settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    models = write_cards(tmp_path / "models")
    with served(create_app(settings, Registry(models))) as client:
        yield client


def test_models_of_a_project(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    """They are set, printed and recorded; unknown models and projects are errors."""
    assert run(capsys, "projects", "add", "lung")[0] == 0
    shown = "The project lung may use: "
    assert run(capsys, "projects", "models", "lung") == (0, f"{shown}all models.")
    only = ("--only", "hippocampus-mri-3d", "--only", "brain-mri-3d")
    expected = (0, f"{shown}brain-mri-3d, hippocampus-mri-3d.")
    assert run(capsys, "projects", "models", "lung", *only) == expected
    assert run(capsys, "projects", "models", "lung") == expected
    status, said = run(capsys, "projects", "models", "lung", "--only", "typo")
    assert (status, "There is no model named typo" in said) == (1, True)
    assert run(capsys, "projects", "models", "nobody", *only)[0] == 1
    assert run(capsys, "projects", "models", "lung", "--all", *only)[0] == 2
    assert run(capsys, "projects", "models", "lung", "--all") == (0, f"{shown}all models.")
    with closing(Repository(settings.database)) as repository:
        wanted = AuditFilter(project="lung", action=AuditAction.CONFIGURATION)
        assert len(list(repository.audit.events(wanted))) == 3


def test_projects_users_and_keys(
    capsys: pytest.CaptureFixture[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys, "projects", "add", "lung") == (0, "The project lung was added.")
    assert "local" in run(capsys, "projects", "list")[1]
    added = run(capsys, "users", "add", "r1", "--name", "R1", "--role", "reader")[1]
    assert added.startswith("r1 is reader in the project local.")
    link = re.compile(r" http://127\.0\.0\.1:8000/#setup=([\w-]{43})&user=r1\b")
    assert link.search(added)
    monkeypatch.setenv("TESSERA_PUBLIC_URL", "https://scans.example.org/")
    status, invited = run(capsys, "users", "invite", "r1")
    assert status == 0
    assert " https://scans.example.org/#setup=" in invited
    assert run(capsys, "users", "invite", "nobody")[0] != 0
    joined = run(capsys, "users", "role", "r1", "viewer", "--project", "lung")[1]
    assert "The password of before and its sessions have ended. r1 chooses a password" in joined
    unchanged = "r1 is viewer in the project lung."
    assert run(capsys, "users", "role", "r1", "viewer", "--project", "lung") == (0, unchanged)
    assert run(capsys, "users", "list") == (0, "r1 R1 local:reader lung:viewer")
    secret = created(capsys, "laptop", "--user", "r1", "--expires", "90d")
    listed = run(capsys, "keys", "list")[1]
    assert secret[:12] in listed
    assert secret not in listed
    assert "user r1 local:reader" in listed
    assert run(capsys, "keys", "revoke", secret[:12])[0] == 0
    assert run(capsys, "keys", "list") == (0, "")
    assert "revoked" in run(capsys, "keys", "list", "--all")[1]
    assert run(capsys, "users", "link", "r1", "7")[0] != 0
    monkeypatch.setenv("TESSERA_OIDC_ISSUER", "https://login.example.org")
    assert run(capsys, "users", "link", "r1", "7")[0] == 0
    assert run(capsys, "users", "link", "r1", "7")[0] != 0
    assert run(capsys, "users", "disable", "r1")[0] == 0
    assert run(capsys, "users", "list")[1].endswith("disabled")
    assert run(capsys, "users", "enable", "r1")[0] == 0
    assert run(capsys, "users", "remove", "r1", "--project", "lung")[0] == 0
    assert settings.data.stat().st_mode & 0o077 == 0
    with closing(Repository(settings.database)) as repository:
        events = [one.event for one in repository.audit.events(AuditFilter())]
        (key,) = repository.api_keys.page(None, limit=10)[0]
    done = [(str(one.action), str(one.object_kind), one.object_id) for one in events]
    account = ("key-change", "account", "r1")
    assert done == [
        *(("configuration", "project", "lung"), account, account, account, account),
        *(("key-change", "key", key.id), ("key-change", "key", key.id)),
        *(account, account, account, account),
    ]
    assert {one.principal for one in events} == {"command line"}


def test_dicom_callers(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    assert settings.data.name == "data"
    assert run(capsys, "dicom-callers", "add", "CT 1")[0] == 0
    assert run(capsys, "dicom-callers", "list") == (0, "CT 1 local:uploader")
    assert run(capsys, "dicom-callers", "remove", "CT 1")[0] == 0
    assert run(capsys, "dicom-callers", "list") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("keys", "create", "x"), 2),
        (("keys", "create", "x", "--role", "viewer", "--project", "none"), 1),
        (("keys", "create", "x", "--role", "viewer", "--expires", "soon"), 2),
        (("keys", "revoke", "tsk_00000000"), 1),
        (("users", "add", "a@b", "--name", "R1", "--role", "reader"), 2),
        (("users", "disable", "r9"), 1),
        (("projects", "add", "Lung"), 2),
    ],
)
@pytest.mark.usefixtures("settings")
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int
) -> None:
    assert run(capsys, *arguments)[0] == status


def test_commands_send_the_key(
    capsys: pytest.CaptureFixture[str], server: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uploader's key is enough to segment on a server; without one the hint names the
    variable."""
    secret = created(capsys, "scripts", "--role", "uploader")
    url = str(server.base_url)
    _wait_closed(server)
    with Client(url) as client, pytest.raises(BadRequest, match="TESSERA_API_KEY"):
        client.channels("solid")
    monkeypatch.setenv("TESSERA_API_KEY", secret)
    with api_client(url) as api:
        path = Path(Settings().data).parent / "scan.nii"
        path.write_bytes(nifti_bytes())
        job = api.submit(api.upload(path).id, "solid")
        assert api.job(job.id).id == job.id
        assert api.model("solid").name == "solid"
        api.cancel(job.id)


def test_viewers_may_export_masks(
    capsys: pytest.CaptureFixture[str],
    server: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """There is none to export, which the command finds out with the key of a viewer."""
    secret = created(capsys, "export", "--role", "viewer")
    _wait_closed(server)
    monkeypatch.setenv("TESSERA_API_KEY", secret)
    out = tmp_path / "out"
    _, printed = run(
        capsys, "dataset", "export", "solid", "-o", out, "--server", str(server.base_url)
    )
    assert "API key" not in printed
    assert "permission" not in printed


def _wait_closed(server: httpx.Client) -> None:
    """Until the running gateway knows that there are accounts."""
    until(lambda: server.get("/v1/jobs").status_code == 401)
