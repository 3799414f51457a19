"""`tessera retention`."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from jobs.audit.filter import AuditFilter
from jobs.repository import Repository
from jobs.settings import Settings
from service.resources.audit_key import audit_signer
from tests.support.audited import audit_event
from tests.support.command_line import run
from tests.support.migrated import migrated
from tests.support.rows import make_scan


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A service with two old scans, and an event of long ago."""
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path))
    settings = Settings()
    with closing(migrated(settings.database)) as repository:
        for name in ("old", "held"):
            repository.scans.add(make_scan(name, "local"))
        repository.audit.append([audit_event()], audit_signer(settings))
    return settings


def test_rules_runs_and_reports(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "retention", "list") == (
        *(0, "No project has rules: everything is kept for ever."),
    )
    assert run(capsys, "retention", "run") == (0, "nothing")
    assert run(capsys, "retention", "reports")[1] == "Nothing has been deleted by rule or erased."
    status, said = run(capsys, "retention", "set", "scans", "90d")
    assert (status, said.startswith("local scans 90 days after creation")) == (0, True)
    status, said = run(capsys, "retention", "set", "audit", "1h")
    assert (status, said.startswith("(whole service) audit 1 hour after creation")) == (0, True)
    status, said = run(
        *(capsys, "retention", "hold", "scan", "held", "--reason", "Case 17, asked for."),
    )
    hold = said.split()[0]
    assert (status, said.endswith("Case 17, asked for.")) == (0, True)
    assert hold in run(capsys, "retention", "holds")[1]

    planned = "local scans: 1, 1,234 bytes, 1970-01-01"
    assert run(capsys, "retention", "run", "--dry-run") == (0, planned)
    status, said = run(capsys, "retention", "run")
    assert (status, said.endswith(planned)) == (0, True)
    assert run(capsys, "retention", "reports") == (0, said)
    assert run(capsys, "retention", "lift", hold)[0] == 0
    assert run(capsys, "retention", "holds") == (0, "There is no hold.")
    assert "lifted by command line" in run(capsys, "retention", "holds", "--all")[1]
    time.sleep(0.01)
    status, said = run(capsys, "retention", "run")
    assert "(whole service) audit: 1, 2023-11-14" in said
    status, said = run(capsys, "audit", "verify")
    assert (status, "those up to number 1. The trail begins after them." in said) == (0, True)
    assert run(capsys, "retention", "unset", "scans")[0] == 0
    assert run(capsys, "retention", "unset", "scans")[0] == 1
    with closing(Repository(settings.database)) as repository:
        events = [one.event for one in repository.audit.events(AuditFilter())]
    about = [(str(one.action), str(one.object_kind)) for one in events]
    assert about.count(("configuration", "retention-rule")) == 3
    assert about.count(("configuration", "legal-hold")) == 2
    assert about.count(("deletion", "scan")) == 2
    assert about.count(("deletion", "audit-trail")) == 1
    assert about.count(("deletion", "retention-report")) == 3, "one of the whole service"


@pytest.mark.parametrize(
    "options",
    [
        ("set", "scans", "90"),
        ("set", "audit", "90d", "--project", "other"),
        ("set", "audit", "90d", "--after", "last-use"),
        ("hold", "scan", "old", "--reason", " "),
        ("hold", "project", "old", "--reason", "x"),
    ],
)
def test_wrong_options(
    settings: Settings, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(capsys, "retention", *options)[0] == 2


def test_an_erasure_needs_the_pseudonym_key(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = run(capsys, "erase", "--project", "local", "--patient-id")
    assert (status, "The pseudonym key is not on this machine" in said) == (2, True)
    assert not (settings.data / "pseudonyms.key").exists()
    assert run(capsys, "erase", "--project", "local")[0] == 2
    status, said = run(capsys, "erase", "--project", "local", "--scan", "held", "--yes")
    assert (status, said.count("local scans: 1, 1,234 bytes, 1970-01-01")) == (0, 2)
