"""`tessera backup` and `tessera restore`: what they print, and what becomes of secrets."""

import stat
from pathlib import Path

import pytest

from jobs.settings import Settings
from tests.support.audited import SECRET
from tests.support.command_line import run
from tests.support.whole_service import lasting, service


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a service, which the settings name, with its secrets."""
    data = tmp_path / "here"
    with service(Settings(data=data)) as found:
        found.fill()
    (data / "pseudonyms.key").write_bytes(b"k" * 32)
    (data / "audit.key").write_bytes(SECRET)
    monkeypatch.setenv("TESSERA_DATA", str(data))
    return data


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


def test_there_and_back(
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target, secrets, there = tmp_path / "target", tmp_path / "keys", tmp_path / "there"
    status, text = run(capsys, "backup", target, "--keep", "1")
    assert status == 0
    assert "is complete" in text
    assert "(audit.key, pseudonyms.key)" in text
    assert run(capsys, "backup", target, "--secrets", target / "keys")[0] == 2
    status, text = run(capsys, "backup", target, "--secrets", secrets, "--keep", "1")
    assert (status, "not part" in text) == (0, False)
    assert modes(target) == {0o600}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert not any(b"k" * 32 in path.read_bytes() for path in target.rglob("*") if path.is_file())
    assert run(capsys, "restore", target, "--check")[0] == 0

    monkeypatch.setenv("TESSERA_DATA", str(there))
    status, text = run(capsys, "restore", target)
    assert status == 0
    assert "jobs: 3" in text
    assert "1 job or training that ran is queued again" in text
    assert "The pseudonym key of the backup is not here" in text
    assert "What was revoked, disabled or lowered since then is valid again" in text
    assert "The key that signed the audit trail is not here" in text
    assert "is not empty" in run(capsys, "restore", target)[1]
    status, text = run(capsys, "restore", target, "--replace", "--secrets", secrets)
    assert (status, "is not here" in text) == (0, False)
    assert run(capsys, "audit", "verify")[0] == 0
    assert (there / "pseudonyms.key").read_bytes() == b"k" * 32
    assert stat.S_IMODE((there / "pseudonyms.key").stat().st_mode) == 0o600
    with (
        service(Settings(data=here), empty=True) as old,
        service(Settings(data=there), empty=True) as new,
    ):
        restored = new.rows()
        assert restored["audit_events"][-1]["object_kind"] == "backup"
        trail = ("audit_events", "audit_head")  # the restore is an event
        for rows in (now := lasting(restored), before := lasting(old.rows())):
            for name in trail:
                del rows[name]
        assert now == before
        assert new.check_blobs() > 0
    (there / "pseudonyms.key").write_bytes(b"o" * 32)
    status, text = run(capsys, "restore", target, "--replace", "--secrets", secrets)
    assert (status, "other secrets" in text) == (1, True)


def test_no_database_is_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "none"))
    status, text = run(capsys, "backup", tmp_path / "target")
    assert (status, "There is no database" in text) == (2, True)
    assert not (tmp_path / "none").exists()
