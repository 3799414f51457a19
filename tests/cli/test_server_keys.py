"""Every command that calls a server, with every key: refused, or let in by the table of roles."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from jobs.account import ProjectRole
from models.registry import Registry
from scripts.permissions import COMMANDS
from service.app import create_app
from service.auth.role import PERMISSIONS
from tests.support.cards import write_cards
from tests.support.command_line import run
from tests.support.images import nifti_bytes
from tests.support.other_project import filled_project
from tests.support.served_app import served
from tests.support.stored_accounts import StoredKeys, settings_in, stored_keys

Service = tuple[httpx.Client, StoredKeys]
Call = Callable[[str, dict[str, str]], tuple[int, str]]
REFUSED = 2
"""Exit status."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server without a worker, with an accepted mask; its jobs are cancelled at once."""
    folder = tmp_path_factory.mktemp("server")
    settings = settings_in(folder)
    keys = stored_keys(settings)
    with served(create_app(settings, Registry(write_cards(folder / "models")))) as client:
        filled_project(client, keys.of_role[ProjectRole.ADMINISTRATOR], settings)
        ended = threading.Event()
        cancelling = threading.Thread(target=_cancel, args=(client, keys, ended))
        cancelling.start()
        yield client, keys
        ended.set()
        cancelling.join()


def _cancel(client: httpx.Client, keys: StoredKeys, ended: threading.Event) -> None:
    headers = keys.of_role[ProjectRole.ADMINISTRATOR]
    while not ended.is_set():
        waiting = client.get("/v1/jobs?state=queued", headers=headers).json()["jobs"]
        for job in waiting:
            client.post(f"/v1/jobs/{job['id']}/cancel", headers=headers)
        time.sleep(0.1)


@pytest.fixture
def call(
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Call:
    """Runs a command with a key, and returns its exit status and what it printed."""
    client, _ = service
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "scan.nii").write_bytes(nifti_bytes())
    arguments: dict[str, list[object]] = {
        "tessera segment --server": [scans / "scan.nii", "--model", "solid"],
        "tessera batch --server": [scans, "--model", "solid"],
        "tessera dataset export --server": ["solid"],
    }
    assert set(arguments) == set(COMMANDS)

    def called(command: str, headers: dict[str, str]) -> tuple[int, str]:
        monkeypatch.setenv("TESSERA_API_KEY", headers.get("Authorization", "")[len("Bearer ") :])
        words = command.split()[1:-1]
        out = tmp_path / f"out-{time.monotonic_ns()}"
        options = ["-o", out, "--server", client.base_url]
        return run(capsys, *words, *arguments[command], *options)

    return called


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_a_valid_key_is_refused(
    call: Call, service: Service, command: str
) -> None:
    for name in ("missing", "wrong", "unknown", "expired", "revoked", "of a disabled person"):
        status, printed = call(command, service[1].invalid[name])
        assert status == REFUSED, (name, printed)
        assert "TESSERA_API_KEY" in printed, name


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_for_the_roles_of_the_table(
    call: Call, service: Service, command: str
) -> None:
    for role, headers in service[1].of_role.items():
        _, printed = call(command, headers)
        missing = set(COMMANDS[command]) - PERMISSIONS[role]
        assert ("permission" in printed) == bool(missing), (role, printed)
        assert "TESSERA_API_KEY" not in printed
