"""What DICOM is sent as: several scans at once, archives, damaged and foreign files."""

import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import ImplicitVRLittleEndian

from imaging.box import Box
from imaging.errors import (
    BadRequest,
    NotFound,
    ScanTooLarge,
    SeveralScans,
    UnevenSlices,
    UnreadableScan,
    UnsupportedScan,
)
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.nifti.write import write_volume
from imaging.formats.sniff import open_scan, verify
from tests.support.dicom.files import (
    DESCRIPTION,
    NUMBER,
    classic,
    enhanced,
    picture,
    pydicom_file,
    write,
)
from tests.support.dicom.scans import (
    LIMITS,
    SHAPE,
    at,
    centres,
    fresh,
    taken,
    turned,
    voxels,
    whole,
    without,
)


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
        tmp_path / "one",
        *first,
        *second,
        selection=ScanSelection(series=str(second[0].SeriesInstanceUID)),
    )
    assert one.grid == (11, 9, 5)
    assert taken(tmp_path / "scout", *first, *scout).grid == SHAPE
    assert taken(tmp_path / "alone", *scout).grid == (4, 4, 2)
    with pytest.raises(NotFound):
        taken(tmp_path / "none", *first, selection=ScanSelection(series="1.2.3"))


def test_each_becomes_a_scan_and_the_refused_are_told(tmp_path: Path) -> None:
    good, bad = classic(voxels(), turned()), without(3)(classic(voxels(), turned(), SeriesNumber=9))
    paths = write([*good, *bad], tmp_path / "sent")
    found, refused = incoming_scans(
        paths, fresh(tmp_path / "packs"), LIMITS, ScanSelection(each=True)
    )
    assert [open_scan(one.path).grid for one in found] == [SHAPE]
    assert [(one.name, type(one.error)) for one in refused] == [("MR series 9", UnevenSlices)]


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
    found, _ = incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS, ScanSelection(each=True))
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
        archive.write(pydicom_file("DICOMDIR"), "DICOMDIR")
    return out


def _tar(paths: Sequence[Path], out: Path, mode: Any) -> Path:
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
        (one,), _ = incoming_scans(these, fresh(tmp_path / f"pack{n}"), LIMITS)
        assert isinstance(one, IncomingScan)
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
            incoming_scans([path], fresh(tmp_path / "packs"), Limits(max_bytes=10 << 20))


def test_archives_that_are_none(tmp_path: Path) -> None:
    whole_zip = _zip(write(classic(voxels(), turned()), tmp_path / "s"), tmp_path / "a.zip", str)
    content = whole_zip.read_bytes()
    for n, bad in enumerate((content[:-40], content[:2000], content[:300] + b"x" + content[301:])):
        path = tmp_path / f"bad{n}"
        path.write_bytes(bad)
        with pytest.raises(UnreadableScan):
            incoming_scans([path], fresh(tmp_path / "packs"), LIMITS)


def test_pixels_at_the_end_of_an_implicit_file(tmp_path: Path) -> None:
    """Given no VRs, four bytes fewer stand before the last value; one that is cut off is seen."""
    images = classic(voxels(), turned())
    for image in images:
        image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    paths = write(images, tmp_path / "sent")
    (one,), _ = incoming_scans(paths, fresh(tmp_path / "whole"), LIMITS)
    np.testing.assert_array_equal(open_scan(one.path).read(Box.whole(SHAPE))[0], voxels())
    paths[2].write_bytes(paths[2].read_bytes()[:-2])
    with pytest.raises(UnreadableScan, match="truncated"):
        incoming_scans(paths, fresh(tmp_path / "cut"), LIMITS)


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    """A damaged image makes the upload fail: its slice would be missing, perhaps at an end."""
    paths = write(classic(voxels(), turned()), tmp_path / "sent")
    report = pydicom_file("test-SR.dcm")
    (one,), _ = incoming_scans([*paths, report], fresh(tmp_path / "with"), LIMITS)
    assert open_scan(one.path).grid == SHAPE
    paths[2].write_bytes(paths[2].read_bytes()[:-50])
    with pytest.raises(UnreadableScan, match="truncated"):
        incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS)
    with pytest.raises(UnsupportedScan, match="Comprehensive SR Storage"):
        incoming_scans([report], fresh(tmp_path / "packs"), LIMITS)
    text = tmp_path / "a.txt"
    text.write_text("nothing")
    with pytest.raises(BadRequest, match="several files"):
        incoming_scans([text, text], fresh(tmp_path / "packs"), LIMITS)


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


def test_a_damaged_end_makes_no_shorter_volume(tmp_path: Path) -> None:
    """Given two series, one of which lacks its last slice, only the other is taken, and it is told;
    also where the image has lost its pixels, or is all that its series had."""
    good, bad = classic(voxels(), turned()), classic(voxels(seed=1), turned(), SeriesNumber=9)
    alone = classic(voxels((11, 9, 1)), turned())
    del bad[-1].PixelData, alone[0].ImagePositionPatient
    paths = write([*good, *bad, *alone], tmp_path / "sent")
    found, refused = incoming_scans(
        paths, fresh(tmp_path / "each"), LIMITS, ScanSelection(each=True)
    )
    assert [open_scan(one.path).grid for one in found] == [SHAPE]
    assert [(one.name, one.error.detail.split(":")[0]) for one in refused] == [
        ("MR series 9", "The image has no pixel data"),
        (
            "DICOM",
            "A slice does not state its position, its orientation or its pixel spacing.",
        ),
    ]
    chosen = ScanSelection(series=str(good[0].SeriesInstanceUID))
    assert taken(tmp_path / "chosen", *good, *bad, *alone, selection=chosen).grid == SHAPE
    for series in (bad, alone):
        selection = ScanSelection(series=str(series[0].SeriesInstanceUID))
        with pytest.raises((UnreadableScan, NotFound)):
            taken(tmp_path / str(len(series)), *good, *bad, *alone, selection=selection)
    with pytest.raises(UnreadableScan):
        incoming_scans(
            write(bad, tmp_path / "bad"), fresh(tmp_path / "b"), LIMITS, ScanSelection(each=True)
        )


def test_a_disc(tmp_path: Path) -> None:
    """A DICOMDIR beside the images is left aside, and alone it is said what it is."""
    images, directory = classic(voxels(), turned()), (pydicom_file("DICOMDIR"))
    paths = write(images, tmp_path / "disc")
    for selection in (ScanSelection(), ScanSelection(deidentify=True)):
        (one,), _ = incoming_scans(
            [*paths, directory],
            fresh(tmp_path / str(selection.deidentify)),
            LIMITS,
            selection,
            b"secret",
        )
        assert open_scan(one.path).grid == SHAPE
    with pytest.raises(UnsupportedScan, match="DICOMDIR"):
        verify(incoming_scans([directory], fresh(tmp_path / "alone"), LIMITS)[0][0].path)


def test_a_page_that_a_scanner_saved_lies_nowhere(tmp_path: Path) -> None:
    """Doses and protocols come as secondary captures whose modality is the scanner's."""
    page = taken(tmp_path, picture(np.zeros((5, 4), np.uint8), Modality="CT"))
    assert page.dimension == 2


def test_names_of_scans_are_printable(tmp_path: Path) -> None:
    image = picture(np.zeros((5, 4), np.uint8), Modality="CT")
    image.Modality = "C\nT\x85"
    ((one,), _) = incoming_scans(write([image], tmp_path / "sent"), fresh(tmp_path / "w"), LIMITS)
    assert one.name.startswith("CT")
    assert one.name.isprintable()


def _halves(
    volumes: Sequence[NDArray[Any]], affines: Sequence[NDArray[np.float64]]
) -> list[Dataset]:
    """Two files that each hold half the slices of two volumes, one file in the other order."""
    halves = []
    for first, order in ((0, (0, 1)), (3, (1, 0))):
        parts = []
        for volume, affine in zip(volumes, affines, strict=True):
            moved = affine.copy()
            moved[:3, 3] += first * affine[:3, 2]
            part = enhanced([volume[..., first : first + 3]], moved)
            for group in part.PerFrameFunctionalGroupsSequence:
                group.update(part.SharedFunctionalGroupsSequence[0])
            parts.append(part)
        whole_, other = parts[order[0]], parts[order[1]]
        whole_.PerFrameFunctionalGroupsSequence.extend(other.PerFrameFunctionalGroupsSequence)
        whole_.PixelData += other.PixelData
        whole_.NumberOfFrames = 6
        del whole_.SharedFunctionalGroupsSequence
        halves.append(whole_)
    halves[1].SeriesInstanceUID = halves[0].SeriesInstanceUID
    halves[1].FrameOfReferenceUID = halves[0].FrameOfReferenceUID
    return halves


def test_a_volume_in_files_that_hold_two(tmp_path: Path) -> None:
    """Which volume of a pack is meant does not hang on the order of the files in it, which is that
    of their checksums: it is the right one whichever comes first."""
    volumes = [voxels((9, 9, 6), seed=n) for n in range(2)]
    affines = [turned(), turned()[:, [0, 2, 1, 3]]]
    for attempt in range(6):
        paths = write(_halves(volumes, affines), tmp_path / f"sent{attempt}")
        packs = fresh(tmp_path / f"packs{attempt}")
        found, _ = incoming_scans(paths, packs, LIMITS, ScanSelection(each=True))
        scans = [open_scan(one.path) for one in found]
        for volume, affine in zip(volumes, affines, strict=True):
            (scan,) = [n for n in scans if abs(_third(n.affine) @ _third(affine)) > 0.99]
            np.testing.assert_array_equal(at(scan, centres((9, 9, 6), affine)), volume.ravel())


def _third(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    axis: NDArray[np.float64] = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    return axis


@pytest.mark.parametrize("bits", [None, 0, 17])
def test_bits_that_say_nothing(tmp_path: Path, bits: int | None) -> None:
    for n, image in enumerate((picture(np.zeros((5, 4), np.uint16)), *classic(voxels(), turned()))):
        image.BitsStored = bits
        with pytest.raises(UnreadableScan, match=r"describes the pixels|BitsStored is"):
            taken(tmp_path / str(n), image)


def test_a_slice_that_says_no_position(tmp_path: Path) -> None:
    images = classic(voxels(), turned())
    del images[2].ImagePositionPatient
    images[3].ImagePositionPatient = None
    for selection in (ScanSelection(), ScanSelection(each=True)):
        with pytest.raises(UnreadableScan, match="does not state its position"):
            taken(tmp_path, images[2], images[3], selection=selection)


def test_headers_are_read_whole(tmp_path: Path) -> None:
    (path,) = write([picture(np.zeros((5, 4), np.uint8))], tmp_path)
    assert dcmread(path).PatientID == NUMBER
