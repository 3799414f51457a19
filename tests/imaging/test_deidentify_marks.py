"""De-identification: marks that are planted everywhere are found nowhere, and pixels stay."""

from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    HEVCMP51,
    MPEG2MPML,
    MPEG4HP41,
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from imaging.errors import UnsupportedScan
from imaging.formats.dicom.codestream_cleaning import clean_codestream
from imaging.formats.dicom.deidentify import deidentify_file
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import picture, write
from tests.support.dicom.mr_series import series
from tests.support.dicom.planted_marks import (
    ENCODERS,
    SYNTAXES,
    TECHNICAL,
    Marks,
    marked_stream,
    plant_objects,
    plant_padding,
    plant_pixels,
    plant_texts,
)

SECRET = b"s" * 32


def values(rows: int = 16, columns: int = 24) -> NDArray[np.uint16]:
    return np.random.default_rng(3).integers(0, 4096, (rows, columns)).astype(np.uint16)


def image() -> Dataset:
    return series(1)[0]


def content_of(planted: Dataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, planted, enforce_file_format=True)
    return buffer.getvalue()


def deidentified(content: bytes, folder: Path) -> bytes:
    (folder / "in").write_bytes(content)
    deidentify_file(folder / "in", folder / "out", SECRET)
    return (folder / "out").read_bytes()


def test_no_text_of_the_dictionary_is_left(tmp_path: Path) -> None:
    """Given a mark in each attribute with a text, a date or a UID, and in an item, none is left."""
    marks, planted = Marks.none(), image()
    plant_texts(planted, marks, skip=TECHNICAL)
    content = content_of(planted)
    assert len(marks.planted) > 1500
    assert sum(mark in content for mark in marks.planted.values()) == len(marks.planted)
    out = deidentified(content, tmp_path)
    assert not {place for place, mark in marks.planted.items() if mark in out}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_no_object_of_any_kind_is_left(tmp_path: Path, syntax: UID) -> None:
    """Private blobs, overlays, curves, icons, tables, paddings, and what stands before it all."""
    marks, planted = Marks.none(), image()
    planted.file_meta.TransferSyntaxUID = syntax
    plant_objects(planted, marks)
    content = content_of(planted)
    if not syntax.is_implicit_VR:
        content = plant_padding(content, marks)
    assert marks.found(content) == marks.planted.keys()
    assert not marks.found(deidentified(content, tmp_path))


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("high", [11, 13, 15])
def test_nothing_is_left_around_the_pixel_values(tmp_path: Path, syntax: UID, high: int) -> None:
    """Given marks in every unused bit, in comments and behind the frame, the values alone stay."""
    marks, planted, expected = Marks.none(), image(), values()
    plant_pixels(planted, expected, syntax, marks, high=high)
    content = content_of(planted)
    assert marks.found(content) == marks.planted.keys()
    out = deidentified(content, tmp_path)
    assert not marks.found(out)
    found = dcmread(BytesIO(out))
    cells = np.frombuffer(found.PixelData, "<u2" if found["PixelData"].VR else "")
    if found.file_meta.TransferSyntaxUID.name == "Explicit VR Big Endian":
        cells = cells.byteswap()
    np.testing.assert_array_equal(cells.reshape(expected.shape), expected << (high - 11))


def _jpeg(values: NDArray[np.uint8], marks: Marks, **options: object) -> bytes:
    """As Pillow writes it, with Exif and a comment."""
    exif = Image.Exif()
    exif[0x010E] = marks.new("Exif").decode()
    buffer = BytesIO()
    kept = {"exif": exif, "comment": marks.new("comment"), **options}
    Image.fromarray(values).save(buffer, "JPEG", quality=95, **kept)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["grey", "colour", "progressive", "RGB"])
def test_a_jpeg_keeps_its_pixels_alone(mode: str) -> None:
    """Given JFIF, Exif, Adobe and comments, Pillow decodes the same pixels without them."""
    marks, seed = Marks.none(), np.random.default_rng(7)
    shape = (40, 30) if mode == "grey" else (40, 30, 3)
    options = {"progressive": mode == "progressive", "keep_rgb": mode == "RGB"}
    stream = _jpeg(seed.integers(0, 255, shape, np.uint8), marks, **options) + marks.new("behind")
    clean = clean_codestream(stream, JPEGBaseline8Bit)
    assert all(mark in stream and mark not in clean for mark in marks.planted.values())
    before, after = (np.asarray(Image.open(BytesIO(one))) for one in (stream, clean))
    np.testing.assert_array_equal(before, after)


def test_a_jpeg_2000_keeps_its_tiles_alone() -> None:
    """Given comments in the main header and in each tile-part, OpenJPEG decodes the same pixels."""
    marks, buffer = Marks.none(), BytesIO()
    expected = np.random.default_rng(5).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(expected).save(buffer, "JPEG2000", no_jp2=True, tile_size=(32, 32))
    stream, parts = marked_stream(buffer.getvalue(), marks), 0
    at = stream.index(b"\xff\x90")
    while stream[at : at + 2] == b"\xff\x90":
        parts += 1
        size = int.from_bytes(stream[at + 6 : at + 10], "big")
        text = b"\xff\x64\x00\x0e\0\1" + marks.new(f"tile-part {parts}")
        length = (size + len(text)).to_bytes(4, "big")
        rest = text + stream[at + 12 :]
        stream = stream[: at + 6] + length + stream[at + 10 : at + 12] + rest
        at += size + len(text)
    stream += marks.new("behind")
    clean = clean_codestream(stream, JPEG2000Lossless)
    assert parts == 4
    assert all(mark in stream and mark not in clean for mark in marks.planted.values())
    for one in (stream, clean):
        np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(one), expected)


@pytest.mark.parametrize("length", [0, 0x100])
def test_a_tile_part_ends_where_the_image_ends(length: int) -> None:
    """Given Psot 0, or one that reaches beyond EOC, nothing behind EOC is left (T.800, A.4.2)."""
    expected = values(8, 8)
    stream = bytes(imagecodecs.jpeg2k_encode(expected, codecformat="j2k", reversible=True))
    at = stream.index(b"\xff\x90")
    behind = length and length - (len(stream) - at)
    psot = length.to_bytes(4, "big")
    text = b"DOE^JOHN".ljust(behind, b" ")
    marked = stream[: at + 6] + psot + stream[at + 10 :] + text
    clean = clean_codestream(marked, JPEG2000Lossless)
    assert b"DOE^JOHN" in marked
    assert b"DOE^JOHN" not in clean
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(clean), expected)


def test_a_packet_number_does_not_end_the_image() -> None:
    """Given SOP of packet 65,497, whose number is that of EOC (T.800, A.8.1), the packets stay."""
    sot = b"\xff\x90\0\x0a\0\0\0\0\0\0\0\1"
    packets = b"\xff\x93\xff\x91\0\4\xff\xd9packet"
    stream = b"\xff\x4f\xff\x51\0\4\0\0" + sot + packets + b"\xff\xd9DOE^JOHN"
    assert clean_codestream(stream, JPEG2000Lossless).endswith(packets + b"\xff\xd9")


def test_a_jp2_file_in_a_frame_becomes_uncompressed(tmp_path: Path) -> None:
    """Boxes around the codestream may hold anything."""
    marks, planted, expected = Marks.none(), image(), values()
    plant_pixels(planted, expected, JPEG2000Lossless, Marks.none())
    planted.BitsStored, planted.HighBit = 16, 15
    stream = bytes(imagecodecs.jpeg2k_encode(expected, codecformat="jp2", reversible=True))
    box = b"uuid" + bytes(16) + marks.new("box")
    planted.PixelData = encapsulate([stream + (len(box) + 4).to_bytes(4, "big") + box])
    content = content_of(planted)
    assert marks.found(content) == {"box"}
    out = deidentified(content, tmp_path)
    assert not marks.found(out)
    found = np.frombuffer(dcmread(BytesIO(out)).PixelData, "<u2")
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
def test_a_stream_without_hidden_bits_stays_compressed(tmp_path: Path, syntax: UID) -> None:
    """Given a stream of 16 bits, of which 12 are used, the syntax stays."""
    planted, expected = image(), values()
    plant_pixels(planted, expected, syntax, Marks.none())
    planted.PixelData = encapsulate([ENCODERS[syntax](expected)] * 2)
    planted.NumberOfFrames = 2
    found = dcmread(BytesIO(deidentified(content_of(planted), tmp_path)))
    assert found.file_meta.TransferSyntaxUID == syntax
    frames = pixel_array(found)
    np.testing.assert_array_equal(frames, np.stack([expected] * 2))


@pytest.mark.parametrize(
    ("stated", "removed", "warned"),
    [("", "YES", True), ("NO", "YES", False), ("", "NO", False), ("", "", False)],
)
def test_text_that_may_be_burned_in_is_pointed_out(
    tmp_path: Path, stated: str, removed: str, *, warned: bool
) -> None:
    """Given a de-identified image whose header is silent about it, the scan has a warning."""
    changes = {"BurnedInAnnotation": stated, "PatientIdentityRemoved": removed}
    (path,) = write([picture(values().astype(np.uint8), **changes)], tmp_path)
    assert any("burned" in warning for warning in open_scan(path).warnings) == warned


@pytest.mark.parametrize("syntax", [MPEG2MPML, HEVCMP51, MPEG4HP41])
def test_a_compression_without_a_decoder_is_refused(tmp_path: Path, syntax: UID) -> None:
    """When the file arrives, and not when its pixels are read."""
    planted = picture(values().astype(np.uint8))
    planted.file_meta.TransferSyntaxUID = syntax
    planted.PixelData = encapsulate([b"stream"])
    (path,) = write([planted], tmp_path)
    with pytest.raises(UnsupportedScan, match="compressed as") as refused:
        open_scan(path)
    assert syntax.name in str(refused.value)
