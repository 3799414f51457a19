"""Files that hold several scans: listed, one chosen or each; nibabel is the oracle."""

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know
from nibabel.freesurfer.mghformat import MGHImage
from numpy.typing import NDArray

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


@pytest.fixture
def inflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the size of each chunk that is decompressed."""
    sizes: list[int] = []

    class Counted(gzip_stream._Member):
        def __iter__(self) -> Iterator[bytes]:
            for chunk in super().__iter__():
                sizes.append(len(chunk))
                yield chunk

    monkeypatch.setattr(gzip_stream, "_Member", Counted)
    return sizes


def _nifti(path: Path, values: NDArray[np.int16]) -> None:
    nib.Nifti1Image(values, AFFINE).to_filename(path.with_suffix(".nii.gz"))
    path.with_suffix(".nii.gz").rename(path)


def _mgh(path: Path, values: NDArray[np.int16]) -> None:
    path.write_bytes(gzip.compress(MGHImage(values, AFFINE).to_bytes()))


def _nrrd(path: Path, values: NDArray[np.int16], *, interleaved: bool = False) -> None:
    kinds, order = ["domain"] * 3 + ["list"], [0, 1, 2, 3]
    if interleaved:
        kinds, order = ["vector"] + ["domain"] * 3, [3, 0, 1, 2]
    nrrd.write(str(path), values.transpose(order), {"kinds": kinds, "encoding": "gzip"})


def _metaimage(path: Path, values: NDArray[np.int16], *, interleaved: bool = False) -> None:
    image = sitk.GetImageFromArray(values.transpose(2, 1, 0, 3), isVector=True)
    if not interleaved:
        image = sitk.GetImageFromArray(np.ascontiguousarray(values.T), isVector=False)
    sitk.WriteImage(image, str(path), useCompression=True)


WRITERS: dict[str, Callable[[Path, NDArray[np.int16]], None]] = {
    "nii.gz": _nifti,
    "mgz": _mgh,
    "list.nrrd": _nrrd,
    "vector.nrrd": partial(_nrrd, interleaved=True),
    "4d.mha": _metaimage,
    "vector.mha": partial(_metaimage, interleaved=True),
}


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("selection", [ScanSelection(each=True), ScanSelection(volume=150)])
def test_a_stream_is_decompressed_once_for_all_its_parts(
    tmp_path: Path, inflated: list[int], ending: str, selection: ScanSelection
) -> None:
    """Once for each part would take minutes for the hundreds of time points of a functional MRI."""
    values = np.random.default_rng(3).integers(-900, 900, (4, 5, 6, 200), np.int16)
    path, folder = tmp_path / f"scan.{ending}", tmp_path / "work"
    folder.mkdir()
    WRITERS[ending](path, values)
    scans, _ = incoming_scans([path], folder, LIMITS, selection)
    assert sum(inflated) < 1.1 * values.nbytes
    assert len(scans) == len(list(folder.iterdir())) == (200 if selection.each else 1)
    for number in (1, 150, 200) if selection.each else (150,):
        scan = verify(scans[number - 1 if selection.each else 0].path)
        assert np.array_equal(scan.read(Box.whole(scan.grid))[0], values[..., number - 1])
    with pytest.raises(ScanTooLarge):
        incoming_scans([path], folder, Limits(max_bytes=2000), selection)


@pytest.mark.parametrize("members", [1, 40])
@pytest.mark.parametrize("kind", ["nifti", "mgh"])
@pytest.mark.parametrize(
    "selection",
    [
        ScanSelection(each=True),
        ScanSelection(volume=2),
        ScanSelection(each=True, deidentify=True),
    ],
)
def test_a_small_header_before_a_large_stream_is_refused_early(
    tmp_path: Path, inflated: list[int], kind: str, members: int, selection: ScanSelection
) -> None:
    """The limits are checked against the header, so no more than it states may be unpacked."""
    small, more = nifti(tmp_path / "small.nii", (4, 5, 6, 3)).read_bytes(), bytes(40 << 20)
    if kind == "mgh":
        values = np.zeros((4, 5, 6, 3), np.int16)
        small = MGHImage(values, AFFINE).to_bytes()
    if members == 1:
        data = gzip.compress(small + more, 1)
    else:
        data = gzip.compress(small) + gzip.compress(more[: 1 << 20], 1) * members
    path, folder = tmp_path / "scan", tmp_path / "work"
    folder.mkdir()
    path.write_bytes(data)
    with pytest.raises(UnreadableScan, match="longer than its header"):
        incoming_scans([path], folder, LIMITS, selection, b"secret")
    assert sum(inflated) < 4 << 20
    assert sum(one.stat().st_size for one in folder.iterdir()) < 4 << 20


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
