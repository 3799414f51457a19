"""Packed images: the slices of a Siemens mosaic lie where dcm2niix puts them."""

import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest
from pydicom import dcmread

from imaging.errors import SeveralScans, UnreadableScan, UnsupportedScan
from imaging.formats.dicom.csa_header import parse_csa
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.mask_file import write as write_mask
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import PATIENT, enhanced, write
from tests.support.dicom.headers import mask_description
from tests.support.dicom.mosaic import CREATOR, csa, mosaic
from tests.support.dicom.scans import (
    LIMITS,
    PLANES,
    at,
    centres,
    fresh,
    source_of,
    taken,
    turned,
    voxels,
    whole,
)

SHAPE = (13, 9, 7)
needs_dcm2niix = pytest.mark.skipif(
    shutil.which("dcm2niix") is None, reason="dcm2niix is not installed (Debian: dcm2niix)"
)
TIMES = {
    "ascending": list(np.arange(20) * 50.0),
    "descending": list(np.arange(20)[::-1] * 50.0),
    "interleaved": [float((k // 2 + (k % 2) * 10) * 50) for k in range(20)],
}


def _stored(plane: str, flip: int) -> nibabel.Nifti1Image:
    source = nibabel.Nifti1Image(voxels(SHAPE), turned())
    turn = np.stack([np.argsort(PLANES[plane]), [1, -1, flip]], axis=1)
    return source.as_reoriented(turn)


@pytest.mark.parametrize("csa_version", [1, 2])
@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("plane", PLANES)
def test_every_voxel_lies_at_its_place(
    tmp_path: Path, plane: str, flip: int, csa_version: int
) -> None:
    stored = _stored(plane, flip)
    image = mosaic(np.asarray(stored.dataobj), stored.affine, csa_version=csa_version)
    scan = taken(tmp_path, image)
    assert sorted(scan.grid) == sorted(SHAPE)
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels(SHAPE).ravel())


@pytest.mark.system
@needs_dcm2niix
@pytest.mark.parametrize(
    ("plane", "order", "protocol_slice"),
    [
        ("axial", "ascending", 1),
        ("axial", "descending", 7),
        ("coronal", "interleaved", 1),
        ("sagittal", "descending", 1),
    ],
)
@pytest.mark.parametrize("flip", [1, -1])
def test_as_dcm2niix_has_it(
    tmp_path: Path, plane: str, order: str, protocol_slice: int, flip: int
) -> None:
    """The order of acquisition moves no slice, and neither does reversed image numbering."""
    stored = _stored(plane, flip)
    volume = np.asarray(stored.dataobj)
    times = TIMES[order][: volume.shape[2]]
    image = mosaic(volume, stored.affine, times=times, protocol_slice=protocol_slice)
    scan = taken(tmp_path, image)
    out = fresh(tmp_path / "out")
    program = ["dcm2niix", "-b", "n", "-z", "n", "-f", "x", "-o", str(out)]
    subprocess.run([*program, str(tmp_path / "sent")], check=True, capture_output=True)
    converted = nibabel.load(out / "x.nii")
    values = np.asarray(converted.dataobj)
    assert values.size == voxels(SHAPE).size
    np.testing.assert_array_equal(at(scan, centres(values.shape, converted.affine)), values.ravel())


def test_a_series_of_mosaics_is_a_volume_for_each(tmp_path: Path) -> None:
    """Functional MR: told apart by acquisition number, as scanners write it."""
    volumes = [voxels(SHAPE, seed) for seed in range(3)]
    images = [mosaic(volume, turned(), InstanceNumber=n + 1) for n, volume in enumerate(volumes)]
    for number, image in enumerate(images, 1):
        image.SeriesInstanceUID = images[0].SeriesInstanceUID
        image.FrameOfReferenceUID = images[0].FrameOfReferenceUID
        image.AcquisitionNumber = number
    paths = write(images, tmp_path / "sent")
    with pytest.raises(SeveralScans) as caught:
        incoming_scans(paths, tmp_path, LIMITS)
    assert [choice["slices"] for choice in caught.value.choices] == [7, 7, 7]
    found, refused = incoming_scans(paths, fresh(tmp_path / "p"), LIMITS, ScanSelection(each=True))
    assert not refused
    for one, volume in zip(found, volumes, strict=True):
        scan = open_scan(one.path)
        np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), volume.ravel())


def test_results_lie_on_the_slices(tmp_path: Path) -> None:
    """As highdicom reads the SEG; it refers to the one image of all slices."""
    scan = taken(tmp_path, mosaic(voxels(SHAPE), turned()))
    mask = (whole(scan)[0] > 0).astype(np.uint8)
    path = tmp_path / "mask.seg.dcm"
    write_mask(path, mask, scan, description=mask_description("thing"))
    segmentation = highdicom.seg.segread(path)
    assert len(segmentation.SourceImageSequence) == 1
    volume = segmentation.get_volume(combine_segments=True)
    affine = np.diag([-1, -1, 1, 1]) @ volume.affine
    places = np.argwhere(volume.array > 0) @ affine[:3, :3].T + affine[:3, 3]
    marked = replace(scan, reader=lambda box: mask[(None, *box.slices)])
    np.testing.assert_array_equal(at(marked, places), 1)
    assert len(places) == mask.sum()
    assert source_of(scan).planes().headers[0].Rows == SHAPE[1]


@pytest.mark.filterwarnings("ignore:The DICOM readers are highly experimental")
def test_a_de_identified_mosaic_is_unpacked(tmp_path: Path) -> None:
    """What remains of the CSA header is the number and direction of slices."""
    from nibabel.nicom import csareader  # warns when it is imported

    stored = _stored("coronal", -1)
    image = mosaic(np.asarray(stored.dataobj), stored.affine)
    block = image.private_block(0x0029, CREATOR)
    block[0x10].value = block[0x10].value + PATIENT.encode() * 2
    paths = write([image], tmp_path / "sent")
    selection = ScanSelection(deidentify=True)
    (one,), _ = incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS, selection, b"secret")
    scan = open_scan(one.path)
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels(SHAPE).ravel())
    assert PATIENT.encode() not in one.path.read_bytes()
    described = csareader.read(dcmread(one.path)[0x0029, 0x1010].value)["tags"]
    assert described["NumberOfImagesInMosaic"]["items"] == [np.asarray(stored.dataobj).shape[2]]
    assert len(described["SliceNormalVector"]["items"]) == 3
    private = [element.tag for element in dcmread(one.path) if element.tag.is_private]
    assert [(tag.group, tag.element & 0xFF) for tag in private] == [(0x29, 0x10), (0x29, 0x10)]


def test_a_mosaic_that_nothing_describes_is_refused_by_name(tmp_path: Path) -> None:
    """Given that anonymisation removed the CSA header, or what matters of it."""
    for number, data in enumerate(
        (None, b"", b"SV10" + bytes(40), csa({"NumberOfImagesInMosaic": ("US", ["7"])}))
    ):
        image = mosaic(voxels(SHAPE), turned())
        if data is None:
            image.remove_private_tags()
        else:
            image.private_block(0x0029, CREATOR)[0x10].value = data
        with pytest.raises(UnsupportedScan, match=r"mosaic.*CSA header"):
            taken(tmp_path / str(number), image)


def test_what_does_not_match_in_a_mosaic_is_named(tmp_path: Path) -> None:
    """Nine tiles in 27 x 39 pixels; the slices are along the normal of the image."""
    narrow = mosaic(voxels(SHAPE), turned(), Columns=38)
    narrow.PixelData = bytes(27 * 38 * 2)
    flat = mosaic(voxels(SHAPE), turned())
    del flat.SpacingBetweenSlices, flat.SliceThickness
    oblique = mosaic(voxels(SHAPE), turned(), ImageOrientationPatient=[0, 0, 1, 1, 0, 0])
    for number, (image, reason) in enumerate(
        (
            (narrow, "27 x 38 pixels cannot be divided into 3 x 3 tiles"),
            (flat, "does not state the distance between its slices"),
            (oblique, "slices are not parallel to it"),
        )
    ):
        with pytest.raises(UnreadableScan, match=reason):
            taken(tmp_path / str(number), image)


def test_a_mosaic_whose_image_type_was_replaced(tmp_path: Path) -> None:
    """Siemens' own count of images tells it as well."""
    image = mosaic(voxels(SHAPE), turned(), ImageType=["DERIVED", "SECONDARY"])
    image.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", SHAPE[2])
    assert sorted(taken(tmp_path, image).grid) == sorted(SHAPE)


@pytest.mark.parametrize("kinds", [["DERIVED", "SECONDARY"], ["ORIGINAL", PATIENT, "MOSAIC"]])
def test_a_de_identified_mosaic_stays_one_without_its_image_type(
    tmp_path: Path, kinds: list[str]
) -> None:
    """Given an ImageType without MOSAIC, or with a text for which it is emptied."""
    image = mosaic(voxels(SHAPE), turned(), ImageType=kinds)
    image.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", SHAPE[2])
    paths = write([image], tmp_path / "sent")
    selection = ScanSelection(deidentify=True)
    (one,), _ = incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS, selection, b"secret")
    scan = open_scan(one.path)
    assert sorted(scan.grid) == sorted(SHAPE)
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels(SHAPE).ravel())


def test_a_grid_of_another_maker_is_refused_by_name(tmp_path: Path) -> None:
    image = mosaic(voxels(SHAPE), turned(), Manufacturer="UIH", ImageType=["ORIGINAL", "PRIMARY"])
    image.add_new(0x00650010, "LO", "Image Private Header")
    image.add_new(0x00651050, "DS", "7")
    with pytest.raises(UnsupportedScan, match="grid of United Imaging"):
        taken(tmp_path, image)


def test_an_enhanced_image_that_says_mosaic_is_read(tmp_path: Path) -> None:
    image = enhanced([voxels()], turned(), ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    scan = taken(tmp_path, image)
    assert len(np.unique(whole(scan))) > 100


@pytest.mark.parametrize("version", [1, 2])
def test_csa_headers_cut_anywhere_do_not_hang(version: int) -> None:
    data = csa({"NumberOfImagesInMosaic": ("US", ["7"]), "Other": ("FD", ["1.5", "2"])}, version)
    assert parse_csa(data)["NumberOfImagesInMosaic"] == ("7",)
    assert parse_csa(data)["Other"] == ("1.5", "2")
    for end in range(0, len(data) - 2, 5):
        with pytest.raises((ValueError, struct.error)):
            parse_csa(data[:end])
