"""DICOM files that nobody would make by accident: refused in words, never a crash or a hang."""

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
)

from imaging.box import Box
from imaging.errors import (
    ScanTooLarge,
    SeveralScans,
    TesseraError,
    UnreadableScan,
    UnsupportedScan,
)
from imaging.formats.dicom import deflated
from imaging.formats.dicom.deidentify import deidentify_file
from imaging.formats.dicom.instance import opener
from imaging.formats.dicom.instance_identity import identify
from imaging.formats.dicom.instance_reader import read_instance
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from tests.support.dicom.files import classic, picture, pydicom_file, write

LIMITS = Limits()
AFFINE = np.diag([0.7, 0.9, 2.5, 1.0])
Values = np.ndarray[Any, np.dtype[Any]]


def voxels(kind: type[np.generic] = np.int16) -> Values:
    return np.random.default_rng(0).integers(0, 2000, (6, 5, 4)).astype(kind)


def taken(folder: Path, *images: Dataset, selection: ScanSelection | None = None) -> Scan:
    paths = write(images, folder / "sent")
    (one,), _ = incoming_scans(paths, folder, LIMITS, selection, b"secret")
    return open_scan(one.path, LIMITS, folder)


def whole(scan: Scan) -> Values:
    return scan.read(Box.whole(scan.grid))


def rewritten(name: str, path: Path, change: Callable[[bytes], bytes]) -> Path:
    """One of pydicom's own files, its bytes changed."""
    path.write_bytes(change((pydicom_file(name)).read_bytes()))
    return path


UNSOUND: dict[str, dict[str, Any]] = {
    "no bits": {"BitsStored": 0},
    "more bits than there are": {"BitsStored": 40},
    "bits beyond the end": {"BitsStored": 12, "HighBit": 16},
    "a position of another world": {"ImagePositionPatient": ["1e306", "0", "0"]},
    "a spacing that has no square": {"PixelSpacing": ["1e200", "1"]},
    "a spacing of nothing": {"PixelSpacing": ["1e-200", "1"]},
    "three spacings": {"PixelSpacing": ["1", "1", "1"]},
    "an endless slope": {"RescaleSlope": "1e300", "RescaleIntercept": "0"},
}


@pytest.mark.parametrize("name", UNSOUND)
def test_attributes_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableScan):
        taken(tmp_path, *classic(voxels(), AFFINE, **UNSOUND[name]))


def test_an_attribute_that_is_not_there(tmp_path: Path) -> None:
    images = classic(voxels(), AFFINE)
    for image in images:
        del image.BitsStored
    with pytest.raises(UnreadableScan):
        taken(tmp_path, *images)


def test_a_value_of_a_kind_that_does_not_exist(tmp_path: Path) -> None:
    """Given an element with a VR that no standard has, the file is refused when it is read."""
    for number, name in enumerate((b"SOPInstanceUID", b"series", b"bits", b"position")):
        tag = [b"\x08\0\x18\0UI", b"\x20\0\x0e\0UI", b"\x28\0\0\1US", b"\x20\0\x32\0DS"][number]
        path = rewritten(
            "MR_small.dcm",
            tmp_path / name.decode(),
            lambda data, tag=tag: data.replace(tag, tag[:4] + b"U\xff"),  # type: ignore[misc]
        )
        with pytest.raises(TesseraError):
            whole(open_scan(path))


def test_a_thickness_that_cannot_be_is_none(tmp_path: Path) -> None:
    (image,) = classic(voxels()[..., :1], AFFINE, SliceThickness="1e300")
    assert taken(tmp_path, image).spacing_mm == pytest.approx((0.7, 0.9, 1.0))


def test_a_pixel_of_endless_size_is_none(tmp_path: Path) -> None:
    image = picture(voxels(np.uint16)[..., 0], PixelSpacing=["1e308", "1"])
    assert taken(tmp_path, image).spacing_mm is None


def test_slices_of_palette_indices_are_no_volume(tmp_path: Path) -> None:
    images = classic(voxels(), AFFINE, PhotometricInterpretation="PALETTE COLOR")
    for image in images:
        image.RedPaletteColorLookupTableDescriptor = [256, 0, 8]
    with pytest.raises(SeveralScans, match=f"{len(images)} scans"):
        taken(tmp_path, *images)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("JPEG2000.dcm", np.int16),  # signed
        ("examples_palette.dcm", np.uint16),  # 8 bits an index, 16 a colour
        ("SC_rgb_jpeg.dcm", np.uint8),
    ],
)
def test_a_picture_is_of_the_type_that_it_says(name: str, kind: type[np.generic]) -> None:
    path = pydicom_file(name)
    scan = open_scan(path)
    assert scan.dtype == kind
    assert whole(scan).dtype == kind
    if name == "JPEG2000.dcm":
        assert (whole(scan)[0] == dcmread(path).pixel_array).all()


def test_colours_of_32_bits_are_refused() -> None:
    with pytest.raises(UnsupportedScan, match=r"have 32 bits\."):
        open_scan(pydicom_file("SC_rgb_rle_32bit.dcm"))


def test_colours_with_a_sign_are_refused(tmp_path: Path) -> None:
    image = dcmread(pydicom_file("SC_rgb_rle.dcm"))
    image.PixelRepresentation = 1
    image.save_as(tmp_path / "a")
    with pytest.raises(UnsupportedScan, match="have 8 bits and a sign"):
        open_scan(tmp_path / "a")


def test_a_rescaled_picture_holds_its_values(tmp_path: Path) -> None:
    grey = voxels(np.uint16)[..., 0]
    scan = taken(tmp_path, picture(grey, RescaleSlope="2.5", RescaleIntercept="-1"))
    np.testing.assert_array_equal(whole(scan)[0], grey.astype(np.float32) * 2.5 - 1)
    assert scan.dtype == np.float32


def test_signed_and_unsigned_slices_in_one_series(tmp_path: Path) -> None:
    """Given slices of -32768..32767 and of 0..65535, no value wraps."""
    low, high = (np.full((6, 5, 4), value, np.int16) for value in (-3, -1))
    images = classic(low, AFFINE)
    for image in images[2:]:
        image.PixelData, image.PixelRepresentation = high[..., 0].tobytes(), 0
    scan = taken(tmp_path, *images)
    assert sorted(set(whole(scan).ravel().tolist())) == [-3, 65535]


def test_thirty_two_bits_stay_whole_numbers(tmp_path: Path) -> None:
    images = classic(voxels(), AFFINE)
    for image in images:
        image.PixelData = np.full((5, 6), 2**24 + 1, np.int32).tobytes()
        image.BitsAllocated, image.BitsStored, image.HighBit = 32, 32, 31
    scan = taken(tmp_path, *images)
    assert (scan.dtype, whole(scan).max()) == (np.int32, 2**24 + 1)  # type: ignore[comparison-overlap]


def _other_size(size: tuple[bytes, bytes]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert data.count(size[0]) == 1
        return data.replace(*size)

    return change


CODESTREAMS = {
    "JPGExtended.dcm": (b"\xff\xc1\0\x0b\x0c\x04\0\x01\0", b"\xff\xc1\0\x0b\x0c\xfe\0\xfe\0"),
    "MR_small_jpeg_ls_lossless.dcm": (b"\0\x40\0\x40\x01\x01", b"\xfe\0\xfe\0\x01\x01"),
    "MR_small_jp2klossless.dcm": (
        b"\xff\x51\0\x29\0\0\0\0\0\x40\0\0\0\x40",
        b"\xff\x51\0\x29\0\0\0\0\xfe\0\0\0\xfe\0",
    ),
}


@pytest.mark.parametrize("name", CODESTREAMS)
def test_a_codestream_larger_than_its_image(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a stream of 65,024 x 65,024 pixels, no decoder sees it: it would take gigabytes."""
    path = rewritten(name, tmp_path / name, _other_size(CODESTREAMS[name]))
    monkeypatch.setattr("imaging.formats.dicom.stored_plane.iter_pixels", pytest.fail)
    monkeypatch.setattr("imaging.formats.dicom.pixel_values.pixel_array", pytest.fail)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        whole(open_scan(path))


def test_a_box_without_a_length(tmp_path: Path) -> None:
    """Given a JP2 file's box of no length, nobody goes round in it for ever."""
    box = b"\x6a\x70\x32\x68"

    def change(data: bytes) -> bytes:
        at = data.index(box) - 4
        return data[:at] + b"\0\0\0\0" + data[at + 4 :]

    path = rewritten("GDCMJ2K_TextGBR.dcm", tmp_path / "box", change)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        whole(open_scan(path))


def test_an_rle_segment_with_too_many_pixels(tmp_path: Path) -> None:
    """Given a run that is a few pixels longer than the image, the file is refused."""

    def change(data: bytes) -> bytes:
        return data[:1861] + b"\xf5" + data[1862:]

    path = rewritten("MR_small_RLE.dcm", tmp_path / "rle", change)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        whole(open_scan(path))


@pytest.mark.parametrize("deidentify", [False, True])
def test_a_deflated_file_that_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, deidentify: bool
) -> None:
    monkeypatch.setattr(deflated, "MAX_INFLATED_BYTES", 1 << 20)
    (image,) = classic(np.zeros((1024, 1024, 1), np.int16), AFFINE)
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    monkeypatch.setattr("imaging.formats.dicom.instance_reader.dcmread", pytest.fail)
    monkeypatch.setattr("imaging.formats.dicom.deidentify.dcmread", pytest.fail)
    with pytest.raises(ScanTooLarge, match="deflated"):
        taken(tmp_path, image, selection=ScanSelection(deidentify=deidentify))
    (path,) = (tmp_path / "sent").iterdir()
    with pytest.raises(ScanTooLarge, match="deflated"):
        identify(path)


def test_the_header_of_a_deflated_file_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given 64 MB of pixels, a few MB of memory are used; a long header is refused."""
    frames = np.zeros((64, 1024, 1024), np.uint8)
    image = picture(
        frames, NumberOfFrames=64, PatientName="Müller", SpecificCharacterSet="ISO_IR 192"
    )
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    (path,) = write([image], tmp_path)
    del frames, image
    monkeypatch.setattr(deflated, "MAX_HEADER_BYTES", 1 << 20)
    tracemalloc.start()
    try:
        instance = read_instance(opener(path))
        assert identify(path).sop_instance == instance.header.SOPInstanceUID
        header = instance.whole_header()
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert (str(header.PatientName), header.Rows, instance.is_deflated) == ("Müller", 1024, True)
    monkeypatch.setattr(deflated, "MAX_HEADER_BYTES", 100)
    with pytest.raises(ScanTooLarge, match="header"):
        identify(path)


def _compressed(syntax: UID, frames: list[bytes], rows: int) -> Dataset:
    image = picture(np.zeros((rows, rows), np.uint16), NumberOfFrames=len(frames))
    image.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = encapsulate(frames)
    image["PixelData"].is_undefined_length = True
    return image


@pytest.mark.parametrize("limits", [Limits(max_bytes=3 * 128 * 128 * 2), Limits(max_pixels=16000)])
@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_deidentification_decodes_nothing_beyond_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: UID, limits: Limits
) -> None:
    """Given four frames that must be stored uncompressed, of which three would be allowed."""
    segment = imagecodecs.packbits_encode(bytes(128 * 128))
    rle = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13) + segment * 2
    jp2 = imagecodecs.jpeg2k_encode(np.zeros((128, 128), np.uint16), codecformat="jp2", level=0)
    frame = rle if syntax == RLELossless else bytes(jp2)
    (path,) = write([_compressed(syntax, [frame] * 4, 128)], tmp_path)
    deidentify_file(path, tmp_path / "out", b"secret")
    assert (tmp_path / "out").stat().st_size > 4 * 128 * 128 * 2
    monkeypatch.setattr("imaging.formats.dicom.pixel_cleaning.get_decoder", pytest.fail)
    with pytest.raises(ScanTooLarge):
        deidentify_file(path, tmp_path / "out", b"secret", limits)
    with pytest.raises(ScanTooLarge):
        incoming_scans([path], tmp_path, limits, ScanSelection(deidentify=True), b"secret")


def test_every_jp2_file_in_a_frame_has_the_stated_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a second frame that is larger than the header states, no decoder allocates it."""
    small, large = (
        bytes(imagecodecs.jpeg2k_encode(np.zeros(n, np.uint16), codecformat="jp2", level=0))
        for n in ((16, 16), (256, 256))
    )
    (path,) = write([_compressed(JPEG2000Lossless, [small, large], 16)], tmp_path)
    monkeypatch.setattr("imaging.formats.dicom.pixel_cleaning.get_decoder", pytest.fail)
    with pytest.raises(UnreadableScan):
        deidentify_file(path, tmp_path / "out", b"secret")


def test_a_damaged_file_cannot_be_deidentified(tmp_path: Path) -> None:
    """The library raises OSError for one that ends within a sequence."""
    path = rewritten("reportsi.dcm", tmp_path / "cut", lambda data: data[:-3])
    with pytest.raises(UnreadableScan, match="damaged"):
        deidentify_file(path, tmp_path / "out", b"secret")


def test_frames_that_nobody_sent(tmp_path: Path) -> None:
    """Given a file of ten kilobytes that says it has 300 million frames, they are not counted."""
    where, frames = b"\x28\0\x10\0US", b"\x28\0\x08\0IS\x0a\x00300000000 "

    def change(data: bytes) -> bytes:
        return data.replace(where, frames + where)

    path = rewritten("MR_small_RLE.dcm", tmp_path / "cine", change)
    with pytest.raises(UnsupportedScan, match="300,000,000 frames"):
        open_scan(path)
    with pytest.raises(ScanTooLarge, match="300,000,000 frames"):
        incoming_scans([path], tmp_path, LIMITS)


# Series that look regular, and are not, or the other way round.


def _all(folder: Path, images: list[Dataset]) -> list[tuple[int, ...]]:
    """Grids of what there is, when each is asked for."""
    found, _ = incoming_scans(
        write(images, folder / "sent"), folder, LIMITS, ScanSelection(each=True)
    )
    return [open_scan(one.path).grid for one in found]


def test_slices_on_both_sides_of_a_rounding_are_one_volume(tmp_path: Path) -> None:
    """Given cosines and spacings that differ by a millionth, nobody makes two half volumes."""
    images = classic(voxels(), AFFINE)
    for k, image in enumerate(images):
        angle = 0.00005 + (1e-7 if k % 2 else -1e-7)
        c, s = f"{np.cos(angle):.9f}", f"{np.sin(angle):.9f}"
        image.ImageOrientationPatient = [c, s, "0", f"-{s}", c, "0"]
        image.PixelSpacing = ["1.00005" if k % 2 else "1.000049", "1"]
    assert _all(tmp_path, images) == [(6, 5, 4)]


def test_two_frames_of_reference_are_two_volumes(tmp_path: Path) -> None:
    images = classic(voxels(), AFFINE)
    for image in images[2:]:
        image.FrameOfReferenceUID = "1.2.3"
    assert _all(tmp_path, images) == [(6, 5, 2), (6, 5, 2)]


def test_echoes_that_take_turns_are_two_volumes(tmp_path: Path) -> None:
    images = classic(voxels(), AFFINE)
    for k, image in enumerate(images):
        image.EchoNumbers = str(1 + k % 2)
    assert _all(tmp_path, images) == [(6, 5, 2), (6, 5, 2)]


def test_volumes_are_numbered_alike_in_any_order(tmp_path: Path) -> None:
    """Whoever chooses the second volume gets it, in whatever order the files come then."""
    axial, lying = classic(voxels(), AFFINE), classic(voxels(), AFFINE[:, [0, 2, 1, 3]])
    for image in lying:
        image.SeriesInstanceUID = axial[0].SeriesInstanceUID
        image.FrameOfReferenceUID = axial[0].FrameOfReferenceUID
    standing, flat = write(axial, tmp_path / "axial"), write(lying, tmp_path / "lying")
    places: list[Any] = []
    for order in ([*standing, *flat], [*flat, *standing]):
        folder = tmp_path / str(len(places))
        folder.mkdir()
        (one,), _ = incoming_scans(order, folder, LIMITS, ScanSelection(stack=2))
        places.append(open_scan(one.path).affine)
    np.testing.assert_array_equal(*places)


def test_shifted_values_in_a_jpeg(tmp_path: Path) -> None:
    """Given HighBit above BitsStored - 1 in a compressed image, the reason is named."""
    data = dcmread(pydicom_file("MR_small_jpeg_ls_lossless.dcm"))
    data.BitsStored, data.HighBit = 12, 15
    data.save_as(tmp_path / "image")
    with pytest.raises(UnsupportedScan, match="HighBit is 15"):
        open_scan(tmp_path / "image")
