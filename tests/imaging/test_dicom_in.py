"""DICOM in: every voxel at its place, and a plain word where that cannot be."""

import io
import shutil
import subprocess
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian

from imaging.box import Box
from imaging.errors import (
    BadRequest,
    BrokenGeometry,
    NotFound,
    ScanTooLarge,
    SeveralScans,
    TesseraError,
    UnreadableScan,
    UnsupportedScan,
)
from imaging.formats.dicom.series import Series
from imaging.formats.dicom.stack import Uneven
from imaging.formats.limits import Limits
from imaging.formats.nifti import write_volume
from imaging.formats.received import Asked, Received, received
from imaging.formats.sniff import open_scan, verify
from imaging.scan import Scan
from tests.dicom_files import DESCRIPTION, NUMBER, PATIENT, classic, enhanced, picture, write

LIMITS = Limits()
SHAPE = (11, 9, 7)
PLANES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}


def turned(a: float = 0.3, b: float = -0.2) -> NDArray[np.float64]:
    """An oblique, anisotropic affine."""
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag([0.7, 0.9, 2.5])
    affine[:3, 3] = [-20.25, 30.5, 11]
    return affine


def voxels(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-900, 2000, shape, np.int16)


def taken(folder: Path, *images: Dataset, asked: Asked | None = None) -> Scan:
    """The one scan of these images, written in no order."""
    (one,) = received(write(images, folder / "sent"), _made(folder / "packs"), LIMITS, asked)[0]
    return open_scan(one.path)


def whole(scan: Scan) -> NDArray[Any]:
    return scan.read(Box.whole(scan.grid))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def at(scan: Scan, world: NDArray[np.float64]) -> NDArray[Any]:
    """Values of the scan's voxels at places (n, 3) in RAS+ mm, which must be voxels' centres."""
    voxel = (world - scan.affine[:3, 3]) @ np.linalg.inv(scan.affine[:3, :3]).T
    nearest = np.round(voxel).astype(int)
    assert np.abs(voxel - nearest).max() < 1e-3
    values: NDArray[Any] = whole(scan)[0][tuple(nearest.T)]
    return values


def centres(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.indices(shape).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3)))
def test_every_voxel_lies_at_its_place(
    tmp_path: Path, plane: str, flips: tuple[int, int, int]
) -> None:
    """Given a volume acquired in any plane, its axes running either way, every value is where the
    standard's equation puts it, and so is it however slices are named and numbered."""
    volume, affine = voxels(), turned()
    source = nibabel.Nifti1Image(volume, affine)
    stored = source.as_reoriented(np.stack([np.argsort(PLANES[plane]), flips], axis=1))
    scan = taken(tmp_path, *classic(np.asarray(stored.dataobj), stored.affine))
    assert scan.format == "dicom"
    assert scan.dtype == np.int16
    np.testing.assert_array_equal(at(scan, centres(SHAPE, affine)), volume.ravel())
    assert np.linalg.det(scan.affine[:3, :3]) > 0  # slices run along the normal
    assert sorted(scan.spacing_mm or ()) == pytest.approx([0.7, 0.9, 2.5], abs=1e-6)


def test_enhanced_multi_frame(tmp_path: Path) -> None:
    """Given one file of three moments, frames mixed, each is a volume with its own values."""
    volumes = [voxels(seed=n) for n in range(3)]
    paths = write([enhanced(volumes, turned())], tmp_path / "sent")
    with pytest.raises(SeveralScans) as caught:
        received(paths, tmp_path, LIMITS)
    assert [choice["slices"] for choice in caught.value.choices] == [7, 7, 7]
    with pytest.raises(UnsupportedScan, match="3 volumes"):
        open_scan(paths[0])
    found, refused = received(paths, _made(tmp_path / "all"), LIMITS, Asked(each=True))
    assert not refused
    for one, volume in zip(found, volumes, strict=True):
        np.testing.assert_array_equal(
            at(open_scan(one.path), centres(SHAPE, turned())), volume.ravel()
        )
    (second,), _ = received(paths, _made(tmp_path / "one"), LIMITS, Asked(stack=2))
    planes = _series(open_scan(second.path)).planes()
    assert len(planes.headers) == 1
    assert [frame for _, frame in planes.frames] == [1 + 3 * k for k in range(7)]


needs_dcm2niix = pytest.mark.skipif(
    shutil.which("dcm2niix") is None, reason="dcm2niix is not installed (Debian: dcm2niix)"
)


@needs_dcm2niix
@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("plane", PLANES)
def test_as_dcm2niix_has_it(tmp_path: Path, modality: str, plane: str) -> None:
    """Corners within 0.001 mm, values equal after rescale."""
    shape = (34, 40, 28)
    source = nibabel.Nifti1Image(voxels(shape), turned())
    stored = source.as_reoriented(np.stack([np.argsort(PLANES[plane]), [1, -1, 1]], axis=1))
    changes = {"RescaleSlope": "2", "RescaleIntercept": "-1024"} if modality == "CT" else {}
    images = classic(np.asarray(stored.dataobj), stored.affine, modality=modality, **changes)
    scan = taken(tmp_path, *images)
    check_as_dcm2niix(scan, tmp_path / "sent", tmp_path)


def check_as_dcm2niix(scan: Scan, folder: Path, out: Path) -> None:
    """Whether dcm2niix, told not to use a vendor's private scaling, finds the same volume."""
    program = ["dcm2niix", "-b", "n", "-z", "n", "-p", "n", "-f", "dcm2niix", "-o", str(out)]
    subprocess.run([*program, str(folder)], check=True, capture_output=True)
    other = nibabel.load(out / "dcm2niix.nii")
    corners = np.array(list(product(*((0, n - 1) for n in scan.grid))))
    here = corners @ scan.affine[:3, :3].T + scan.affine[:3, 3]
    there = np.linalg.solve(other.affine, np.c_[here, np.ones(8)].T)[:3]
    nearest = np.round(there)
    away = (other.affine @ np.vstack([nearest, np.ones(8)]))[:3].T - here
    assert np.linalg.norm(away, axis=1).max() < 1e-3
    index = np.indices(scan.grid).reshape(3, -1)
    world = scan.affine[:3, :3] @ index + scan.affine[:3, 3:]
    voxel = np.round(np.linalg.solve(other.affine, np.vstack([world, np.ones(index.shape[1])])))
    values = np.asarray(other.dataobj)[tuple(voxel[:3].astype(int))]
    np.testing.assert_array_equal(values, whole(scan)[0].ravel())


def _series(scan: Scan) -> Series:
    assert isinstance(scan.source, Series)
    return scan.source


def test_planes_name_their_images(tmp_path: Path) -> None:
    images = classic(voxels(), turned())
    series = _series(taken(tmp_path, *images))
    planes = series.planes()
    wanted = sorted(images, key=lambda image: float(np.dot(*_along(image))))
    assert [h.SOPInstanceUID for h in planes.headers] == [w.SOPInstanceUID for w in wanted]
    assert planes.frames == tuple((n, 0) for n in range(7))
    assert planes.headers[0].PatientName == PATIENT
    assert "PixelData" not in planes.headers[0]
    mask = voxels(seed=3)
    np.testing.assert_array_equal(series.on_planes(mask)[4, 2], mask[:, 2, 4])


def _along(image: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    turned_ = np.array(image.ImageOrientationPatient, float)
    return np.array(image.ImagePositionPatient, float), np.cross(turned_[:3], turned_[3:])


def test_rescale_of_each_slice(tmp_path: Path) -> None:
    """PET gives each slice a slope of its own."""
    volume, images = voxels(), classic(voxels(), turned())
    for k, image in enumerate(images):
        image.RescaleSlope, image.RescaleIntercept = str(0.5 + k / 4), str(k)
    scan = taken(tmp_path, *images)
    assert scan.dtype == np.float32
    wanted = volume * (0.5 + np.arange(7) / 4) + np.arange(7)
    found = at(scan, centres(SHAPE, turned()))
    np.testing.assert_array_equal(found, wanted.ravel().astype(np.float32))


def test_hounsfield_units_stay_whole_numbers(tmp_path: Path) -> None:
    values = np.abs(voxels())
    images = classic(values, turned(), modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    for image in images:
        image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
    scan = taken(tmp_path, *images)
    assert scan.dtype == np.int16
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), values.ravel() - 1024)


@pytest.mark.parametrize(
    "name", ["MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless"]
)
def test_compressed_images_are_the_same(name: str) -> None:
    plain = whole(open_scan(Path(get_testdata_file("MR_small.dcm"))))
    packed = whole(open_scan(Path(get_testdata_file(f"{name}.dcm"))))
    np.testing.assert_array_equal(packed, plain)


def test_a_slice_alone_is_a_volume(tmp_path: Path) -> None:
    scan = taken(tmp_path, *classic(voxels((11, 9, 1)), turned()))
    assert scan.grid == (11, 9, 1)
    assert scan.spacing_mm == pytest.approx((0.7, 0.9, 2.5))


def test_pictures(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 4000, (13, 8), np.uint16)
    scan = taken(tmp_path / "grey", picture(grey, PixelSpacing=["0.5", "0.25"]))
    assert (scan.shape, scan.spacing_mm, scan.dimension) == ((1, 13, 8), (0.5, 0.25), 2)
    np.testing.assert_array_equal(whole(scan)[0], grey)
    dark = taken(tmp_path / "dark", picture(grey, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(whole(dark)[0], 65535 - grey)
    color = np.random.default_rng(1).integers(0, 256, (13, 8, 3), np.uint8)
    scan = taken(tmp_path / "color", picture(color))
    np.testing.assert_array_equal(whole(scan), np.moveaxis(color, -1, 0))


def test_palette_and_ybr_become_rgb() -> None:
    for name, shape in (
        ("examples_palette.dcm", (3, 350, 800)),
        ("SC_rgb_jpeg.dcm", (3, 256, 256)),
    ):
        scan = open_scan(Path(get_testdata_file(name)))
        assert whole(scan).shape == scan.shape == shape


# What cannot be a volume.


def _drop(*places: int) -> Callable[[list[Dataset]], list[Dataset]]:
    return lambda images: [image for k, image in enumerate(images) if k not in places]


def _moved(k: int, mm: float) -> Callable[[list[Dataset]], list[Dataset]]:
    def change(images: list[Dataset]) -> list[Dataset]:
        place, normal = _along(images[k])
        images[k].ImagePositionPatient = [f"{n:.6f}" for n in place + mm * normal]
        return images

    return change


def _twice(images: list[Dataset]) -> list[Dataset]:
    other = classic(voxels(seed=5), turned())[3]
    other.SeriesInstanceUID = images[0].SeriesInstanceUID
    other.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    return [*images, other]


BROKEN = {
    "missing": (_drop(3), "1 slice is missing: gaps of 2.50 to 5.00 mm, where 2.50 is usual"),
    "several missing": (_drop(2, 4), "2 slices are missing"),
    "uneven": (_moved(3, 0.8), r"uneven: 1.70 to 3.30 mm"),
    "duplicate": (_twice, "2 of 8 slices lie at a place where another lies"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_slices_that_make_no_volume(tmp_path: Path, name: str) -> None:
    change, words = BROKEN[name]
    images = change(classic(voxels(), turned()))
    with pytest.raises(BrokenGeometry, match=words) as caught:
        taken(tmp_path, *images)
    assert "C.7.6.2.1.1" in str(caught.value)
    _says_nothing_of_the_patient(caught.value, images)


def _says_nothing_of_the_patient(error: TesseraError, images: Sequence[Dataset]) -> None:
    uids = [images[0].SeriesInstanceUID, images[0].SOPInstanceUID, images[0].StudyInstanceUID]
    for secret in ("Norma", PATIENT, NUMBER, DESCRIPTION, "1970", *uids):
        assert secret not in str(error)


def test_jitter_of_rounding_is_borne(tmp_path: Path) -> None:
    images = _moved(3, 0.008)(classic(voxels(), turned()))
    assert taken(tmp_path, *images).grid == SHAPE


def sheared(degrees: float) -> NDArray[np.float64]:
    """Slices set off along j by a tilted gantry."""
    affine = turned()
    down = affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    affine[:3, 2] += down * 2.5 * np.tan(np.deg2rad(degrees))
    return affine


def _ramp(affine: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A field that is linear in the world, which linear interpolation gives back."""
    found: NDArray[np.float64] = centres(shape, affine) @ [3.0, -2.0, 5.0] + 700
    return found.reshape(shape)


def test_a_tilted_gantry(tmp_path: Path) -> None:
    """Refused with its angle; resampled when asked, to values at their places."""
    affine, shape = sheared(18.5), (30, 40, 12)
    images = classic(np.round(_ramp(affine, shape) * 20), affine)
    with pytest.raises(BrokenGeometry, match=r"18\.5 degrees"):
        taken(tmp_path / "refused", *images)
    scan = taken(tmp_path / "taken", *images, asked=Asked(resample=True))
    assert scan.grid == (30, 40 + 11, 12)  # 11 gaps of 2.5 mm x tan(18.5 degrees) / 0.9 mm
    assert "18.5 degrees" in scan.warnings[0]
    found, wanted = whole(scan)[0], _ramp(scan.affine, scan.grid) * 20
    regular = _series(scan).regular
    assert regular is not None
    for n, (i, j) in enumerate(regular.shifts):
        lies = np.s_[int(np.ceil(i)) : int(i) + 30, int(np.ceil(j)) : int(j) + 40, n]
        assert np.abs(found[lies] - wanted[lies]).max() < 0.51  # stored values were rounded
    mask = np.where(wanted > np.median(wanted), 2, 0).astype(np.uint8)
    brought = _series(scan).on_planes(mask)
    places = np.stack([_pixels_of(h, 40, 30) for h in _series(scan).planes().headers])
    there = (places @ [3.0, -2.0, 5.0] + 700) * 20
    assert brought.shape == (12, 40, 30)
    assert (brought == np.where(there > np.median(wanted), 2, 0)).mean() > 0.98


def _pixels_of(header: Dataset, rows: int, columns: int) -> NDArray[np.float64]:
    """(rows, columns, 3): RAS+ mm of each pixel, by the standard's equation."""
    turned_ = np.array(header.ImageOrientationPatient, float)
    down, along = (float(n) for n in header.PixelSpacing)
    r, c = np.indices((rows, columns))
    place = np.array(header.ImagePositionPatient, float)
    lps = place + c[..., None] * along * turned_[:3] + r[..., None] * down * turned_[3:]
    return lps * [-1, -1, 1]


def test_uneven_gaps_are_resampled_when_asked(tmp_path: Path) -> None:
    """The mask comes back on the original slices, each at its own place."""
    volume = np.zeros((20, 18, 9), np.int16)
    images = _drop(2, 5, 6)(classic(volume, turned()))
    scan = taken(tmp_path, *images, asked=Asked(resample=True))
    assert scan.grid == (20, 18, 9)
    mask = np.broadcast_to(np.arange(9, dtype=np.uint8), scan.grid)
    brought = _series(scan).on_planes(mask)
    kept = [0, 1, 3, 4, 7, 8]
    if scan.affine[:3, 2] @ turned()[:3, 2] < 0:
        kept = [8 - k for k in reversed(kept)]
    assert [int(plane[0, 0]) for plane in brought] == kept
    assert (brought == brought[:, :1, :1]).all()


# Several scans at once.


def test_several_series_are_listed_and_chosen(tmp_path: Path) -> None:
    first, second = classic(voxels(), turned()), classic(voxels((11, 9, 5)), turned())
    scout = classic(voxels((4, 4, 2)), turned(), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    with pytest.raises(SeveralScans) as caught:
        taken(tmp_path / "all", *first, *second, *scout)
    told = caught.value.choices
    assert sorted((c["slices"], c["localizer"]) for c in told) == [
        (2, True),
        (5, False),
        (7, False),
    ]
    assert DESCRIPTION not in str(told)
    one = taken(
        tmp_path / "one", *first, *second, asked=Asked(series=str(second[0].SeriesInstanceUID))
    )
    assert one.grid == (11, 9, 5)
    assert taken(tmp_path / "scout", *first, *scout).grid == SHAPE
    assert taken(tmp_path / "alone", *scout).grid == (4, 4, 2)
    with pytest.raises(NotFound):
        taken(tmp_path / "none", *first, asked=Asked(series="1.2.3"))


def test_each_becomes_a_scan_and_the_refused_are_told(tmp_path: Path) -> None:
    good, bad = classic(voxels(), turned()), _drop(3)(classic(voxels(), turned(), SeriesNumber=9))
    paths = write([*good, *bad], tmp_path / "sent")
    found, refused = received(paths, _made(tmp_path / "packs"), LIMITS, Asked(each=True))
    assert [open_scan(one.path).grid for one in found] == [SHAPE]
    assert [(one.name, type(one.error)) for one in refused] == [("MR series 9", Uneven)]


def test_time_points_of_classic_images(tmp_path: Path) -> None:
    points = [classic(voxels(seed=t), turned(), EchoTime=str(10 * t + 5)) for t in range(3)]
    for point in points[1:]:
        for image in point:
            image.SeriesInstanceUID = points[0][0].SeriesInstanceUID
            image.FrameOfReferenceUID = points[0][0].FrameOfReferenceUID
    images = [image for point in points for image in point]
    for number, image in enumerate(images):
        image.AcquisitionNumber = str(number)  # tells all apart, and no volume
    paths = write(images, tmp_path / "sent")
    found, _ = received(paths, _made(tmp_path / "packs"), LIMITS, Asked(each=True))
    assert len(found) == 3
    for t, one in enumerate(found):
        values = at(open_scan(one.path), centres(SHAPE, turned()))
        np.testing.assert_array_equal(values, voxels(seed=t).ravel())


# Archives.


def _zip(paths: Sequence[Path], out: Path, names: Callable[[int], str]) -> Path:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the same name twice
        for n, path in enumerate(paths):
            archive.write(path, names(n))
        archive.writestr("README.txt", "nothing of interest" * 100)
        archive.writestr("DICOMDIR", b"\0" * 400)
    return out


def _tar(paths: Sequence[Path], out: Path, mode: str) -> Path:
    with tarfile.open(out, mode) as archive:
        link = tarfile.TarInfo("link.dcm")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for n, path in enumerate(paths):
            archive.add(path, f"../../../{n}.dcm")
    return out


def test_the_same_series_however_it_comes(tmp_path: Path) -> None:
    """Files, folder, zip, tar: the same pack to the bit, in whatever order and under what names."""
    paths = write(classic(voxels(), turned()), tmp_path / "sent")
    sent: list[Sequence[Path]] = [
        paths,
        paths[::-1],
        [tmp_path / "sent"],
        [*paths, paths[0]],
        [_zip(paths, tmp_path / "a.zip", lambda n: f"../../etc/{n}")],
        [_zip(paths, tmp_path / "b.zip", lambda _: "same name")],
        [_tar(paths, tmp_path / "c.tar", "w")],
        [_tar(paths, tmp_path / "d", "w:gz")],
        [_zip(paths[:3], tmp_path / "e.zip", str), *paths[3:]],
    ]
    packs = set()
    for n, these in enumerate(sent):
        (one,), _ = received(these, _made(tmp_path / f"pack{n}"), LIMITS)
        assert isinstance(one, Received)
        verify(one.path)
        packs.add(one.path.read_bytes())
    assert len(packs) == 1
    assert {path.name for path in tmp_path.parent.parent.glob("etc")} == set()


def test_bombs_are_refused(tmp_path: Path) -> None:
    start = bytes(128) + b"DICM"
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", start + bytes(50 << 20))
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("zeros")
        entry.size = 50 << 20
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    for path in tmp_path.iterdir():
        with pytest.raises(ScanTooLarge):
            received([path], _made(tmp_path / "packs"), Limits(max_bytes=10 << 20))


def test_archives_that_are_none(tmp_path: Path) -> None:
    whole_zip = _zip(write(classic(voxels(), turned()), tmp_path / "s"), tmp_path / "a.zip", str)
    content = whole_zip.read_bytes()
    for n, bad in enumerate((content[:-40], content[:2000], content[:300] + b"x" + content[301:])):
        path = tmp_path / f"bad{n}"
        path.write_bytes(bad)
        with pytest.raises(UnreadableScan):
            received([path], _made(tmp_path / "packs"), LIMITS)


def test_pixels_at_the_end_of_an_implicit_file(tmp_path: Path) -> None:
    """Given no VRs, four bytes fewer stand before the last value; one that is cut off is seen."""
    images = classic(voxels(), turned())
    for image in images:
        image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    paths = write(images, tmp_path / "sent")
    (one,), _ = received(paths, _made(tmp_path / "whole"), LIMITS)
    np.testing.assert_array_equal(open_scan(one.path).read(Box.whole(SHAPE))[0], voxels())
    paths[2].write_bytes(paths[2].read_bytes()[:-2])
    with pytest.raises(UnreadableScan, match="cut off"):
        received(paths, _made(tmp_path / "cut"), LIMITS)


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    """A damaged image makes the upload fail: its slice would be missing, perhaps at an end."""
    paths = write(classic(voxels(), turned()), tmp_path / "sent")
    report = Path(get_testdata_file("test-SR.dcm"))
    (one,), _ = received([*paths, report], _made(tmp_path / "with"), LIMITS)
    assert open_scan(one.path).grid == SHAPE
    paths[2].write_bytes(paths[2].read_bytes()[:-50])
    with pytest.raises(UnreadableScan, match="cut off"):
        received(paths, _made(tmp_path / "packs"), LIMITS)
    with pytest.raises(UnsupportedScan, match="Comprehensive SR Storage"):
        received([report], _made(tmp_path / "packs"), LIMITS)
    text = tmp_path / "a.txt"
    text.write_text("nothing")
    with pytest.raises(BadRequest, match="Several files"):
        received([text, text], _made(tmp_path / "packs"), LIMITS)


def test_dicom_is_known_by_its_prefix(tmp_path: Path) -> None:
    """A preamble may be the header of another format, and a NIfTI converter reads what we write."""
    image = picture(np.zeros((5, 4), np.uint8))
    image.preamble = b"II*\0" + bytes(124)
    path = tmp_path / "a.tif"
    image.save_as(path, enforce_file_format=True)
    assert open_scan(path).format == "dicom"
    volume = taken(tmp_path, *classic(voxels(), turned()))
    write_volume(tmp_path / "v.nii.gz", volume)
    again = nibabel.load(tmp_path / "v.nii.gz")
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(again.dataobj), whole(volume)[0])


def test_a_slice_that_says_no_position(tmp_path: Path) -> None:
    images = classic(voxels(), turned())
    del images[2].ImagePositionPatient
    images[3].ImagePositionPatient = None
    for asked in (Asked(), Asked(each=True)):
        with pytest.raises(UnreadableScan, match="places the image"):
            taken(tmp_path, images[2], images[3], asked=asked)


def test_headers_are_read_whole(tmp_path: Path) -> None:
    (path,) = write([picture(np.zeros((5, 4), np.uint8))], tmp_path)
    assert dcmread(path).PatientID == NUMBER
