"""`tessera routes try`: what it foretells is what a gateway with the same table does."""

import zipfile
from pathlib import Path

import pytest

from tests.support.command_line import tessera
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, as_bytes, series, written

TABLE = """
[[peer]]
name = "archive"
dicomweb = "http://127.0.0.1:1"

[[rule]]
calling = "MR1"
modality = "MR"
model = "hippocampus-mri-3d"
to = ["archive"]
formats = ["dicom-seg", "dicom-sr"]
resample = true

[[rule]]
modality = "M*"
model = "nuclei-2d"

[[rule]]
otherwise = true
deidentify = true
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "routes.toml"
    path.write_text(TABLE)
    return path


def printed(
    capsys: pytest.CaptureFixture[str], table: Path, *arguments: object, status: int = 0
) -> list[str]:
    assert tessera("routes", "try", *arguments, "--table", table) == status
    out, err = capsys.readouterr()
    for secret in (NUMBER, "Norma", DESCRIPTION):
        assert secret not in out + err
    return [line.strip() for line in (out + err).splitlines()]


def test_rules_jobs_and_results(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path
) -> None:
    """A series that has a gap is resampled by one rule, and refused by the other."""
    images = written(series(6, without=(2,)), tmp_path / "sent")
    before = [path.read_bytes() for path in images]
    lines = printed(capsys, table, tmp_path / "sent", "--calling", "MR1")
    assert lines[:4] == [
        "Series 1 of 1: MR, 5 files",
        "rule.0 applies: hippocampus-mri-3d, priority 5 (resample)",
        "job for MR series 3, 5 slices",
        "results: dicom-seg to archive, dicom-sr to archive",
    ]
    assert lines[4] == "rule.1 applies: nuclei-2d, priority 5"
    assert "rule.2 does not apply: it is for series that no other rule matches" in lines
    assert "scan: MR series 3, 5 slices, 32 x 32 x 6 voxels" in lines
    assert any(line.startswith("refused: ") and "gap" in line for line in lines)
    assert [path.read_bytes() for path in images] == before


def test_rules_of_a_project(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path
) -> None:
    """A rule of another project does not keep the one for other series from applying."""
    text = TABLE.replace('modality = "M*"', 'modality = "M*"\nprojects = ["lung"]')
    table.write_text(text)
    written(series(6), tmp_path / "sent")
    lines = printed(capsys, table, tmp_path / "sent", "--project", "lung")
    assert "rule.1 applies in lung: nuclei-2d, priority 5" in lines
    lines = printed(capsys, table, tmp_path / "sent")
    assert "rule.1 does not apply: projects does not match" in lines
    assert "rule.2 applies: no job" in lines


def test_a_model_that_does_not_fit(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path
) -> None:
    written(series(4), tmp_path / "sent")
    lines = printed(capsys, table, tmp_path / "sent")
    assert "rule.0 does not apply: calling does not match" in lines
    (fault,) = [line for line in lines if line.startswith("no job for MR series 3, 4 slices: ")]
    assert "is a 3D volume" in fault
    assert not any(line.startswith("results") for line in lines)


def test_several_series_in_a_zip_and_what_is_no_image(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path
) -> None:
    ct, report = series(4, seed=2, Modality="CT"), series(1, seed=3, Modality="SR")
    report[0].SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for number, image in enumerate([*ct, *report]):
            archive.writestr(f"{number}.dcm", as_bytes(image))
        archive.writestr("damaged.dcm", b"\0" * 128 + b"DICM" + b"\xff" * 99)
    lines = printed(capsys, table, tmp_path / "study.zip")
    assert "1 file refused: not a readable DICOM instance" in lines
    assert "Series 1 of 2: CT, 4 files" in lines
    assert "rule.2 applies: no job" in lines
    assert "Series 2 of 2: SR, 1 file" in lines
    assert "1 file rejected: C-STORE accepts images only" in lines


def test_what_is_no_dicom_and_a_table_with_a_fault(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("text")
    assert printed(capsys, table, tmp_path / "a.txt") == ["The files hold no DICOM series."]
    table.write_text("[[rule]]\nmodel = 'none-such'\n")
    line = printed(capsys, table, tmp_path / "a.txt", status=2)[0]
    assert "rule.0.model" in line


def test_without_rules(capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path) -> None:
    table.write_text("")
    lines = printed(capsys, table, *written(series(4), tmp_path / "sent"))
    assert lines[-1] == ("no rule applies: the scan is stored without a job, and not de-identified")
