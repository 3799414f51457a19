"""`tessera segment` with DICOM in and DICOM out."""

import json
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from imaging.formats.mask_file import read
from imaging.formats.mask_file import write as write_mask
from imaging.formats.sniff import open_scan
from tests.support.command_line import tessera
from tests.support.dicom.files import classic, write
from tests.support.dicom.headers import files, series
from tests.support.dicom.scans import turned, voxels

MODEL = ("--model", "hippocampus-mri-3d")


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """A volume as one multi-frame instance."""
    path = tmp_path / "subject.dcm"
    (data,) = files(series(enhanced=True, shape=(24, 40, 36)))
    path.write_bytes(data)
    return path


@pytest.mark.slow
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
    named = tmp_path / "x.dcm"
    assert tessera("segment", instance, *MODEL, "-o", named, "--format", "dicom-rtstruct") == 0
    assert dcmread(named).Modality == "RTSTRUCT"


@pytest.mark.slow
def test_a_series_is_a_folder_or_its_files(tmp_path: Path) -> None:
    """The same mask either way, named after the folder, whose name has a space."""
    folder, shape = tmp_path / "a series", (24, 22, 10)
    paths = write(classic(voxels(shape), turned()), folder)
    for out, given in (("one", [folder]), ("many", paths)):
        assert tessera("segment", *given, *MODEL, "-o", tmp_path / out, "--format", "nifti") == 0
    masks = [read(tmp_path / out / "a series.nii.gz") for out in ("one", "many")]
    assert masks[0].shape == shape
    assert (masks[0] == masks[1]).all()


@pytest.mark.slow
def test_of_several_series_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = classic(voxels((24, 22, 10)), turned()), classic(voxels((24, 22, 8)), turned())
    write([*one, *two], tmp_path / "study")
    out = tmp_path / "mask.nii.gz"
    assert tessera("segment", tmp_path / "study", *MODEL, "-o", out) == 2
    told = capsys.readouterr().err
    assert f"--series {two[0].SeriesInstanceUID} --stack 1" in told
    assert "holds 2 scans" in told
    named = ("--series", str(two[0].SeriesInstanceUID), "--stack", "1")
    assert tessera("segment", tmp_path / "study", *MODEL, "-o", out, *named) == 0
    assert open_scan(out).grid == (24, 22, 8)


@pytest.mark.slow
def test_each_of_localizers_alone(tmp_path: Path) -> None:
    """Every localizer gets a mask where there is nothing else; beside a scan, none does."""
    kind = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scouts = [classic(voxels((24, 22, n)), turned(), ImageType=kind) for n in (8, 10)]
    folder, out = tmp_path / "scouts", tmp_path / "masks"
    write([*scouts[0], *scouts[1]], folder)
    options = (*MODEL, "--each", "-o", out, "--format", "nifti")
    assert tessera("segment", folder, *options) == 0
    grids = {open_scan(path).grid for path in out.iterdir()}
    assert grids == {(24, 22, 8), (24, 22, 10)}
    write([*scouts[0], *classic(voxels((24, 22, 9)), turned())], tmp_path / "both")
    assert tessera("segment", tmp_path / "both", *options) == 0
    assert open_scan(out / "both.nii.gz").grid == (24, 22, 9)


@pytest.mark.slow
def test_uneven_slices_and_an_empty_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = classic(voxels((24, 22, 10)), turned())
    write(images[:4] + images[5:], tmp_path / "uneven")
    out = tmp_path / "mask.seg.dcm"
    assert tessera("segment", tmp_path / "uneven", *MODEL, "-o", out) == 2
    assert "1 slice is missing" in capsys.readouterr().err
    assert tessera("segment", tmp_path / "uneven", *MODEL, "-o", out, "--resample") == 0
    assert dcmread(out).Modality == "SEG"
    (tmp_path / "empty").mkdir()
    assert tessera("segment", tmp_path / "empty", *MODEL, "-o", out) == 2
    assert "is empty" in capsys.readouterr().err


@pytest.mark.slow
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


def test_dicom_of_what_is_none(
    volume: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (
        ("-o", tmp_path / "mask.seg.dcm"),
        ("-o", tmp_path / "mask.nii.gz", "--report", tmp_path / "report.dcm"),
    ):
        assert tessera("segment", volume, *MODEL, *place) == 2
        assert "scan is not DICOM" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.dcm"))


def test_objects_of_a_supplied_mask_do_not_name_the_model(instance: Path, tmp_path: Path) -> None:
    scan, given, report = open_scan(instance), tmp_path / "given.nii", tmp_path / "report.dcm"
    labels = np.zeros(scan.grid, np.uint8)
    labels[3:9, 5:12, 4:9] = 1
    write_mask(given, labels, scan)
    use = ("--mask", given, "--mask-use", "start")
    for ending in (".seg.dcm", ".labelmap.dcm", ".rtstruct.dcm"):
        out = tmp_path / f"mask{ending}"
        assert tessera("segment", instance, *MODEL, *use, "-o", out, "--report", report) == 0
        for path in (out, report):
            assert "hippocampus-mri-3d" not in str(dcmread(path))
            assert dcmread(path).SeriesDescription == "Supplied mask"
