"""`tessera limits`."""

from pathlib import Path

import pytest

from jobs.repository import Repository
from jobs.settings import Settings
from tests.support.command_line import run
from tests.support.rows import make_scan


def test_limits_are_set_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path))
    status, said = run(capsys, "limits", "show")
    assert (status, "There is no database" in said) == (2, True)
    repository = Repository(Settings(data=tmp_path).database)
    repository.migrate()
    repository.accounts.add_project("ada")
    repository.scans.add(make_scan())
    repository.close()
    assert run(capsys, "limits", "show") == (0, "No project has limits.")
    assert run(capsys, "limits", "set", "ada", "--bytes", "1000000", "--waiting", "5")[0] == 0
    status, said = run(capsys, "limits", "set", "ada", "--requests", "600", "--waiting", "none")
    expected = (
        "ada stored bytes: 1,234 of 1,000,000 waiting jobs: 0 of any number "
        "requests in a minute: 600"
    )
    assert (status, said) == (0, expected)
    assert run(capsys, "limits", "show") == (0, expected)
    status, said = run(capsys, "limits", "set", "typo", "--waiting", "5")
    assert (status, "There is no such project" in said) == (1, True)
    assert run(capsys, "limits", "show", "bea")[1].startswith("bea stored bytes: 0 of any number")


@pytest.mark.parametrize(
    "options", [(), ("--bytes", "-1"), ("--requests", "0"), ("--waiting", "x")]
)
def test_wrong_limits(capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    assert run(capsys, "limits", "set", "ada", *options)[0] == 2
