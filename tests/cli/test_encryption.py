"""`tessera encryption`, and what the doctor and backups say of it."""

import json
from pathlib import Path

import pytest

from jobs.encryption import new_key
from jobs.settings import Settings
from tests.support.command_line import run
from tests.support.whole_service import service


def test_a_store_is_encrypted_rotated_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, key_file = tmp_path / "data", tmp_path / "key"
    with service(Settings(data=data)) as here:
        here.fill()
        names = here.blob_names()
    monkeypatch.setenv("TESSERA_DATA", str(data))
    status, said = run(capsys, "encryption", "status")
    assert (status, "there is no key in the settings" in said) == (2, True)

    status, first = run(capsys, "encryption", "new-key")
    key_file.write_text(first)
    monkeypatch.setenv("TESSERA_ENCRYPTION_KEY_FILE", str(key_file))
    assert finding(capsys)["level"] == "warning"
    assert run(capsys, "encryption", "encrypt")[0] == 0
    status, said = run(capsys, "encryption", "status", "--check")
    assert (status, f"{len(names)} encrypted, 0 not encrypted" in said) == (0, True)
    assert finding(capsys)["level"] == "ok"
    assert run(capsys, "backup", str(tmp_path / "target"))[0] == 0
    assert run(capsys, "restore", str(tmp_path / "target"), "--check")[0] == 0

    second = new_key()
    key_file.write_text(f"{second}\n{first}")
    status, said = run(capsys, "encryption", "rotate")
    assert (status, said.endswith(": 1 earlier data key.")) == (0, True)
    assert run(capsys, "encryption", "encrypt", "--again")[0] == 0
    assert run(capsys, "backup", str(tmp_path / "target"))[0] == 0
    key_file.write_text(second)
    assert run(capsys, "encryption", "status", "--check")[0] == 0
    assert run(capsys, "restore", str(tmp_path / "target"), "--check")[0] == 0

    damaged = data / "blobs" / names[0][:2] / f"{names[0]}.enc"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    assert finding(capsys)["level"] == "problem"
    status, said = run(capsys, "encryption", "status", "--check")
    assert (status, f"The stored file {names[0]} is damaged" in said) == (3, True)

    key_file.write_text(new_key())
    assert "is not the key" in finding(capsys)["text"]
    assert run(capsys, "backup", str(tmp_path / "target"))[0] == 2
    monkeypatch.delenv("TESSERA_ENCRYPTION_KEY_FILE")
    assert "there is no key" in finding(capsys)["text"]
    assert "there is no key" in run(capsys, "restore", str(tmp_path / "target"), "--check")[1]


def finding(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the doctor says of encryption."""
    findings = json.loads(run(capsys, "doctor", "--json")[1])
    return next(one for one in findings if one["check"] == "encryption")
