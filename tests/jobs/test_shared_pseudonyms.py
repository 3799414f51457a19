"""The secrets of pseudonyms: one for each project, but for projects of earlier versions."""

from pathlib import Path

from jobs.repository import Repository
from jobs.settings import Settings
from service.resources.pseudonyms import PseudonymSecrets
from tests.support.earlier_schema import go_back
from tests.support.rows import make_scan

HOLD = """INSERT INTO legal_holds (id, project, kind, target, reason, set_by, set_at)
          VALUES ('h', 'held', 'patient', 'P', '', 'x', 1)"""


def test_projects_keep_their_pseudonyms_and_new_ones_have_their_own(
    repository: Repository, tmp_path: Path
) -> None:
    """A project with DICOM scans, or a hold of a patient, had the installation's secret."""
    for number, (project, series) in enumerate((("old", "1.2.3"), ("nifti", None))):
        scan = make_scan(project, project, sha256=str(number) * 64, series=series)
        repository.scans.add(scan)
    go_back(repository, "0033_project", [HOLD])
    repository.migrate()
    settings = Settings(data=tmp_path, pseudonym_secret="given")
    secret = PseudonymSecrets(settings, repository.shared_pseudonyms).of
    assert secret("old") == secret("held") == b"given"
    assert len({secret("nifti"), secret("new"), b"given"}) == 3
    assert secret("new") == secret("new")
