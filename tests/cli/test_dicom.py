"""`tessera segment` with DICOM in and DICOM out."""

import json
from pathlib import Path

import highdicom as hd
import pytest
from pydicom import dcmread

from imaging.formats.mask_file import read
from tests.acquired import files, series
from tests.cli.test_segment import tessera, volume

__all__ = ["volume"]
MODEL = ("--model", "hippocampus-mri-3d")


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """A volume as one multi-frame instance."""
    path = tmp_path / "subject.dcm"
    (data,) = files(series(enhanced=True, shape=(24, 40, 36)))
    path.write_bytes(data)
    return path


def test_every_dicom_format_of_one_mask(instance: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for form in ("dicom-seg", "dicom-labelmap", "dicom-rtstruct", "nrrd"):
        assert tessera("segment", instance, *MODEL, "-o", out, "--format", form) == 0
    names = ("subject.labelmap.dcm", "subject.nrrd", "subject.rtstruct.dcm", "subject.seg.dcm")
    assert tuple(sorted(path.name for path in out.iterdir())) == names
    mask = read(out / "subject.nrrd")
    label_map = hd.seg.segread(out / "subject.labelmap.dcm").get_volume(combine_segments=True)
    assert (label_map.array.transpose(2, 1, 0) == mask).all()
    described = dcmread(out / "subject.labelmap.dcm").SegmentSequence[1]
    assert described.SegmentLabel == "anterior hippocampus"
    kind = described.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodeMeaning) == ("5366008", "Hippocampus")
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Anterior"


@pytest.mark.parametrize("ending", [".json", ".csv", ".dcm"])
def test_the_report_is_what_its_name_says(instance: Path, tmp_path: Path, ending: str) -> None:
    report = tmp_path / f"report{ending}"
    place = ("-o", tmp_path / "mask.seg.dcm", "--report", report)
    assert tessera("segment", instance, *MODEL, *place) == 0
    if ending == ".dcm":
        assert dcmread(report).SOPClassUID.name == "Comprehensive 3D SR Storage"
    elif ending == ".csv":
        assert report.read_text().splitlines()[1].startswith("1,anterior hippocampus,")
    else:
        assert json.loads(report.read_text())["measurements"]["labels"]


def test_dicom_of_what_is_none(volume: Path, tmp_path: Path, capsys) -> None:
    for place in (
        ("-o", tmp_path / "mask.seg.dcm"),
        ("-o", tmp_path / "mask.nii.gz", "--report", tmp_path / "report.dcm"),
    ):
        assert tessera("segment", volume, *MODEL, *place) == 2
        assert "did not come as DICOM" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.dcm"))
