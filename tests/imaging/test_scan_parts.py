"""Files that hold several scans: listed, one chosen or each; nibabel is the oracle."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from imaging.box import Box
from imaging.errors import NotFound, ScanTooLarge, SeveralScans, TesseraError, UnreadableScan
from imaging.formats import gzip_stream
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify

LIMITS = Limits()
AFFINE = np.array([[0, -2.0, 0, 9], [1.5, 0, 0, -4], [0, 0, 3, 7], [0, 0, 0, 1]])


def nifti(
    path: Path, shape: tuple[int, ...], *, units: int = 2 + 8, make: type = nib.Nifti1Image
) -> Path:
    """Made voxels with a slope, big endian, in mm and seconds."""
    header = make.header_class(endianness=">")  # type: ignore[attr-defined]
    values = np.random.default_rng(3).integers(-900, 900, shape, np.int16)
    image = make(values, AFFINE, header)
    image.header["xyzt_units"] = units
    image.header["descrip"] = b"DOE^JANE"
    image.header.set_slope_inter(0.5, -3)
    image.to_filename(path)
    return path


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("make", [nib.Nifti1Image, nib.Nifti2Image])
def test_each_time_point_has_the_voxels_and_place_that_nibabel_reads(
    tmp_path: Path, name: str, make: type
) -> None:
    path = nifti(tmp_path / name, (4, 5, 6, 3), make=make)
    with pytest.raises(SeveralScans) as error:
        incoming_scans([path], tmp_path, LIMITS)
    assert [(c["volume"], c["name"]) for c in error.value.choices] == [
        (n, f"time point {n} of 3") for n in (1, 2, 3)
    ]
    choice = error.value.choices[0]
    assert (choice["columns"], choice["rows"], choice["slices"]) == (4, 5, 6)

    scans, refused = incoming_scans([path], tmp_path, LIMITS, ScanSelection(each=True))

    assert not refused
    whole = nib.load(path)
    for number, incoming in enumerate(scans):
        scan = verify(incoming.path)
        assert scan.stored_shape == (4, 5, 6)
        assert np.allclose(scan.read(Box.whole(scan.grid))[0], whole.get_fdata()[..., number])
        assert np.array_equal(scan.affine, whole.affine)
        data = incoming.path.read_bytes()
        assert b"DOE" not in (gzip.decompress(data) if name.endswith("gz") else data)
    (second,), _ = incoming_scans([path], tmp_path, LIMITS, ScanSelection(volume=2))
    assert second.name == "time point 2 of 3"
    assert second.path.read_bytes() == scans[1].path.read_bytes()


@pytest.mark.parametrize(
    ("shape", "units", "titles"),
    [
        ((4, 5, 6, 2), 2, ["volume 1 of 2", "volume 2 of 2"]),
        ((4, 5, 6, 1, 3), 2 + 8, [f"component {n} of 3" for n in (1, 2, 3)]),
        ((4, 5, 1, 2), 2 + 16, ["time point 1 of 2", "time point 2 of 2"]),
        (
            (4, 5, 6, 2, 2),
            2 + 8,
            [f"time point {t} of 2, component {c} of 2" for c in (1, 2) for t in (1, 2)],
        ),
    ],
)
def test_volumes_are_named_for_their_axes(
    tmp_path: Path, shape: tuple[int, ...], units: int, titles: list[str]
) -> None:
    path = nifti(tmp_path / "scan.nii", shape, units=units)
    scans, _ = incoming_scans([path], tmp_path, LIMITS, ScanSelection(each=True))
    assert [scan.name for scan in scans] == titles
    values = nib.load(path).get_fdata().reshape(*shape[:3], -1, order="F")
    for number, incoming in enumerate(scans):
        scan = open_scan(incoming.path)
        assert np.allclose(scan.read(Box.whole(scan.grid))[0], values[..., number])


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_choice_in_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    """The chosen volume is complete, but the file is not what was sent."""
    path = nifti(tmp_path / name, (4, 5, 6, 3))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UnreadableScan):
        incoming_scans([path], tmp_path, LIMITS, ScanSelection(volume=1))
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_gzip_stream_is_inflated_once_for_all_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each part would take minutes for the hundreds of time points of a functional MRI."""
    path = nifti(tmp_path / "scan.nii.gz", (4, 5, 6, 9))
    opened = []
    member = gzip_stream._Member

    def counted(*arguments: Any) -> Any:
        opened.append(arguments)
        return member(*arguments)

    monkeypatch.setattr(gzip_stream, "_Member", counted)
    scans, _ = incoming_scans([path], tmp_path, LIMITS, ScanSelection(each=True))
    assert len(scans) == 9
    assert len(opened) < 5
    with pytest.raises(ScanTooLarge):
        incoming_scans([path], tmp_path, Limits(max_bytes=2000), ScanSelection(each=True))


def test_numbers_and_counts_are_checked(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", (4, 5, 6, 3))
    with pytest.raises(NotFound, match="number 4"):
        incoming_scans([path], tmp_path, LIMITS, ScanSelection(volume=4))
    single = nifti(tmp_path / "one.nii", (4, 5, 6))
    assert incoming_scans([single], tmp_path, LIMITS, ScanSelection(volume=1))[0][0].path == single
    with pytest.raises(NotFound):
        incoming_scans([single], tmp_path, LIMITS, ScanSelection(volume=2))
    many = nifti(tmp_path / "many.nii", (1, 1, 1, 200, 100))
    with pytest.raises(ScanTooLarge, match="20,000 volumes"):
        incoming_scans([many], tmp_path, LIMITS)
    with pytest.raises(TesseraError, match="3 volumes"):
        open_scan(path)
