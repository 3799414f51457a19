"""Frames of cines and colour images: one chosen or each, as pydicom decodes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels.utils import pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

from imaging.box import Box
from imaging.errors import NotFound, SeveralScans, UnreadableScan, UnsupportedScan
from imaging.formats import mask_file
from imaging.formats.dicom.byte_pairs import swapped
from imaging.formats.dicom.frame_extract import frame_writer
from imaging.formats.dicom.instance import opener
from imaging.formats.format import Segmentation
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.registry import mask_format
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import PATIENT, classic, picture, pydicom_file, write
from tests.support.dicom.headers import mask_description

LIMITS = Limits()


def received(folder: Path, *paths: Path, **options: Any) -> list[IncomingScan]:
    folder.mkdir(parents=True, exist_ok=True)
    scans, refused = incoming_scans(paths, folder, LIMITS, ScanSelection(**options), b"secret")
    assert not refused
    return scans


def pixels(scan: IncomingScan) -> NDArray[Any]:
    opened = open_scan(scan.path)
    return opened.read(Box.whole(opened.grid))


def cine(frames: NDArray[Any], **changes: Any) -> Dataset:
    """An ultrasound clip of (frames, rows, columns[, 3])."""
    image = picture(frames[0], SOPClassUID=UltrasoundMultiFrameImageStorage, Modality="US")
    image.NumberOfFrames = len(frames)
    image.PixelData = frames.tobytes() + b"\0" * (frames.nbytes % 2)
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    return image


def noise(*shape: int, dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(2).integers(0, 200, shape).astype(dtype)


def encoded(image: Dataset, syntax: UID) -> Dataset:
    if syntax == RLELossless:
        image.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        return image
    if syntax == ExplicitVRBigEndian and image.BitsAllocated == 16:
        image.PixelData = np.frombuffer(image.PixelData, "<u2").byteswap().tobytes()
    image.file_meta.TransferSyntaxUID = syntax
    return image


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "syntax",
    [
        *(ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian),
        RLELossless,
    ],
    ids=lambda syntax: syntax.name,
)
def test_each_frame_is_an_image(tmp_path: Path, syntax: UID, dtype: type, *, color: bool) -> None:
    """Given a clip of odd size, every frame is read as it was stored."""
    frames = noise(4, 5, 7, 3, dtype=dtype) if color else noise(4, 5, 7, dtype=dtype)
    (path,) = write([encoded(cine(frames), syntax)], tmp_path)
    scans = received(tmp_path / "in", path, each=True)
    for scan, frame in zip(scans, frames, strict=True):
        expected = np.moveaxis(frame, -1, 0) if color else frame[None]
        np.testing.assert_array_equal(pixels(scan), expected)


def test_a_compressed_clip_as_pydicom_decodes_it(tmp_path: Path) -> None:
    """Given 30 frames of YCbCr in JPEG, the chosen one has pydicom's colours."""
    path = pydicom_file("examples_ybr_color.dcm")
    (scan,) = received(tmp_path / "in", path, volume=17)
    expected = pixel_array(dcmread(path), index=16, decoding_plugin="imagecodecs")
    np.testing.assert_array_equal(pixels(scan), np.moveaxis(expected, -1, 0))
    assert scan.path.stat().st_size < path.stat().st_size / 3


def test_the_frames_are_listed(tmp_path: Path) -> None:
    (path,) = write([cine(noise(3, 4, 6))], tmp_path)
    with pytest.raises(SeveralScans) as error:
        received(tmp_path / "in", path)
    assert [one["volume"] for one in error.value.choices] == [1, 2, 3]
    last = error.value.choices[2]
    assert last["name"] == "US series 3, frame 3 of 3"
    assert (last["rows"], last["columns"], last["slices"], last["positioned"]) == (4, 6, 1, False)
    assert PATIENT not in str(error.value.choices)
    chosen = {key: last[key] for key in ("series", "stack", "volume")}
    (scan,) = received(tmp_path / "again", path, **chosen)
    np.testing.assert_array_equal(pixels(scan)[0], noise(3, 4, 6)[2])
    with pytest.raises(NotFound, match="number 4"):
        received(tmp_path / "none", path, volume=4)


def test_an_image_has_no_second_frame(tmp_path: Path) -> None:
    (path,) = write([picture(noise(4, 6))], tmp_path)
    assert len(received(tmp_path / "one", path, volume=1)) == 1
    with pytest.raises(NotFound, match="part number 2"):
        received(tmp_path / "two", path, volume=2)


def test_an_archive_that_sends_a_clip_makes_no_scan_of_each_frame(tmp_path: Path) -> None:
    (path,) = write([cine(noise(3, 4, 6))], tmp_path)
    with pytest.raises(UnsupportedScan, match="3 frames without a position"):
        received(tmp_path / "in", path, each=True, frames=False)


def test_the_same_frame_is_the_same_file(tmp_path: Path) -> None:
    """Stored once, whatever the order; another frame is another file."""
    (path,) = write([cine(noise(3, 4, 6))], tmp_path)
    one, again, other = (
        received(tmp_path / str(n), path, volume=number)[0] for n, number in enumerate((2, 2, 3))
    )
    assert one.sha256 == again.sha256 != other.sha256


@pytest.mark.parametrize("grouped", [False, True])
def test_a_mask_refers_to_the_frame_in_the_original(tmp_path: Path, *, grouped: bool) -> None:
    """The SEG names the instance as it was sent, and the number of the frame in it."""
    image = cine(noise(5, 8, 6))
    if grouped:  # functional groups without a position
        groups = [Dataset() for _ in range(5)]
        for group in groups:
            group.FrameContentSequence = Sequence([Dataset()])
        image.PerFrameFunctionalGroupsSequence = Sequence(groups)
    (path,) = write([image], tmp_path)
    (incoming,) = received(tmp_path / "in", path, volume=4)
    scan, out = open_scan(incoming.path), tmp_path / "mask.seg.dcm"
    mask = np.zeros((8, 6), np.uint8)
    mask[2:5, 1:4] = 1
    segmentation = Segmentation(mask, scan, mask_description("lesion"))
    mask_format("dicom-seg").write(out, segmentation)
    seg = dcmread(out)
    (source,) = (
        seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence
    )
    assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert source.ReferencedFrameNumber == 4
    np.testing.assert_array_equal(pixel_array(seg).reshape(8, 6), mask)
    mask_file.write(tmp_path / "mask.png", mask, scan)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_frames_of_a_file_without_meta_information(tmp_path: Path, syntax: UID) -> None:
    """Given a data set alone, as old archives store it, its frames are those of the whole file."""
    frames = noise(3, 4, 6)
    image = cine(frames)
    image.file_meta.TransferSyntaxUID = syntax
    (path,) = write([image], tmp_path)
    content = path.read_bytes()
    group_bytes = int.from_bytes(content[140:144], "little")
    path.write_bytes(content[144 + group_bytes :])
    (scan,) = received(tmp_path / "in", path, volume=2)
    np.testing.assert_array_equal(pixels(scan)[0], frames[1])


def test_a_damaged_offset_table_is_refused(tmp_path: Path) -> None:
    """Given a table that is said to be longer than the file, as a fuzzer found it."""
    image = encoded(cine(noise(3, 4, 6)), RLELossless)
    content = bytearray(image.PixelData)
    content[6] = 1
    image.PixelData = bytes(content)
    (path,) = write([image], tmp_path)
    with pytest.raises(UnreadableScan, match="frame cannot be read"):
        received(tmp_path / "in", path, volume=2)


def test_frames_of_one_bit_need_not_begin_at_a_byte(tmp_path: Path) -> None:
    bits = noise(3, 3, 5) % 2
    image = cine(bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    image.PixelData = packed + b"\0" * (len(packed) % 2)
    (path,) = write([image], tmp_path)
    for scan, expected in zip(received(tmp_path / "in", path, each=True), bits, strict=True):
        np.testing.assert_array_equal(pixels(scan)[0], expected)


def test_frames_of_swapped_bytes(tmp_path: Path) -> None:
    """Given 8-bit pixels in big endian words (OW), odd frames begin in the middle of a word."""
    frames = noise(3, 3, 5)
    image = cine(frames)
    image.PixelData = np.frombuffer(image.PixelData, "<u2").byteswap().tobytes()
    image["PixelData"].VR = "OW"
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    (path,) = write([image], tmp_path)
    np.testing.assert_array_equal(pixel_array(dcmread(path)), frames)
    for scan, expected in zip(received(tmp_path / "in", path, each=True), frames, strict=True):
        np.testing.assert_array_equal(pixels(scan)[0], expected)


def test_a_frame_of_swapped_bytes_is_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given many frames, not all pixels are swapped for each of them."""
    frames, sizes = noise(20, 3, 5), []
    image = cine(frames)
    image.PixelData = np.frombuffer(image.PixelData, "<u2").byteswap().tobytes()
    image["PixelData"].VR = "OW"
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    (path,) = write([image], tmp_path)

    def counted(data: bytes) -> bytes:
        sizes.append(len(data))
        return swapped(data)

    monkeypatch.setattr("imaging.formats.dicom.frame_extract.swapped", counted)
    frame_writer(opener(path))(7, tmp_path / "frame.dcm")
    np.testing.assert_array_equal(pixel_array(dcmread(tmp_path / "frame.dcm")), frames[7])
    assert max(sizes) <= 16


def test_a_coloured_slice_is_an_image(tmp_path: Path) -> None:
    """Given a position in the patient and colours, the pixels and their spacing are kept."""
    (path,) = write([_coloured(1)[0]], tmp_path)
    (scan,) = received(tmp_path / "in", path)
    opened = open_scan(scan.path)
    assert opened.spacing_mm == (2.0, 1.5)
    np.testing.assert_array_equal(pixels(scan), np.moveaxis(pixel_array(dcmread(path)), -1, 0))


def test_coloured_slices_are_chosen(tmp_path: Path) -> None:
    """In the order of their positions; each mask belongs to its own slice."""
    images = _coloured(3)
    paths = write(images, tmp_path)
    scans = received(tmp_path / "in", *paths, each=True)
    by_depth = sorted(images, key=lambda one: float(one.ImagePositionPatient[2]))
    for scan, image in zip(scans, by_depth, strict=True):
        np.testing.assert_array_equal(pixels(scan), np.moveaxis(pixel_array(image), -1, 0))
        source = open_scan(scan.path).source
        assert source is not None
        assert source.planes().headers[0].SOPInstanceUID == image.SOPInstanceUID


def _coloured(count: int) -> list[Dataset]:
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    images = classic(noise(6, 4, count, dtype=np.int16), affine, modality="CT")
    for number, image in enumerate(images):
        image.SamplesPerPixel, image.PhotometricInterpretation = 3, "RGB"
        image.PlanarConfiguration, image.PixelRepresentation = 0, 0
        image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
        values = np.random.default_rng(number).integers(0, 255, (4, 6, 3), np.uint8)
        image.PixelData = values.tobytes()
    return images


@pytest.mark.parametrize(
    ("kind", "samples", "error"),
    [
        *((kind, 3, UnsupportedScan) for kind in ("HSV", "YBR_PARTIAL_422", "YBR_RCT", "YBR_ICT")),
        *((kind, 4, UnsupportedScan) for kind in ("ARGB", "CMYK")),
        *((kind, 3, UnreadableScan) for kind in ("MONOCHROME2", "PALETTE COLOR")),
        *(("RGB", 1, UnreadableScan), ("RGB", 4, UnreadableScan), ("RGBA", 4, UnsupportedScan)),
    ],
)
def test_colours_of_another_kind_are_not_taken_for_rgb(
    tmp_path: Path, kind: str, samples: int, error: type[Exception]
) -> None:
    """Given a colour space that is not converted, or other samples, no wrong colours are read."""
    image = picture(noise(4, 6, 3), PhotometricInterpretation=kind, SamplesPerPixel=samples)
    image.PixelData = bytes(4 * 6 * samples)
    image.RedPaletteColorLookupTableDescriptor = [256, 0, 8]
    (path,) = write([image], tmp_path)
    with pytest.raises(error, match=r"colour space|samples"):
        open_scan(path)


@pytest.mark.parametrize("kind", ["YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("planar", [0, 1])
def test_native_colours_are_converted_as_the_standard_says(
    tmp_path: Path, kind: str, planar: int
) -> None:
    """By the matrix of PS3.3, C.7.6.3.1.2, in either planar configuration."""
    if kind == "YBR_FULL_422" and planar:
        return  # the standard has no such images
    ycbcr = noise(4, 6, 3)
    if kind == "YBR_FULL_422":
        ycbcr[:, 1::2, 1:] = ycbcr[:, ::2, 1:]
    image = picture(ycbcr, PhotometricInterpretation=kind, PlanarConfiguration=planar)
    if planar:
        image.PixelData = np.moveaxis(ycbcr, -1, 0).tobytes()
    elif kind == "YBR_FULL_422":
        pairs = ycbcr.reshape(4, 3, 2, 3)
        quads = [pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]]
        image.PixelData = np.stack(quads, -1).tobytes()
    (path,) = write([image], tmp_path)
    y, cb, cr = np.moveaxis(ycbcr.astype(float), -1, 0)
    red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    expected = np.clip(np.stack([red, green, blue]), 0, 255)
    (scan,) = received(tmp_path / "in", path)
    assert np.abs(pixels(scan) - expected).max() <= 1.01
