"""Compressed pixel data: values against what was encoded and against other decoders."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import imagecodecs
import jpeg_ls
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    HTJ2K,
    UID,
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats.dicom import decoders
from imaging.formats.incoming import incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import picture, pydicom_file, write
from tests.support.dicom.mr_series import series, written

Values = NDArray[Any]
Encoder = Callable[[Values], bytes]


def smooth(bits: int, *shape: int) -> Values:
    """Pixels that compress, and that use the whole range of their bits."""
    steps = np.random.default_rng(bits).integers(-3, 4, shape)
    values = np.cumsum(np.cumsum(steps, 0), 1)
    span = (values - values.min()) / np.ptp(values) * ((1 << bits) - 1)
    return np.round(span).astype(np.uint8 if bits <= 8 else np.uint16)


def compressed(
    folder: Path, values: Values, streams: Iterable[bytes], syntax: UID, **changes: Any
) -> Path:
    """A secondary capture whose header describes `values` and whose frames are `streams`."""
    image = picture(values, **changes)
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2) for stream in streams])
    image["PixelData"].is_undefined_length = True
    return write([image], folder)[0]


def decoded(path: Path) -> Values:
    scan = open_scan(path)
    return scan.read(Box.whole(scan.grid))


def jpeg_lossless(bits: int, predictor: int) -> Encoder:
    return lambda values: bytes(
        imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits, predictor=predictor)
    )


# Lossless: what comes out is what went in.


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_lossless_of_every_predictor(tmp_path: Path, bits: int, predictor: int) -> None:
    values = smooth(bits, 40, 30)
    stream = jpeg_lossless(bits, predictor)(values)
    syntax = JPEGLosslessSV1 if predictor == 1 else JPEGLossless
    path = compressed(tmp_path, values, [stream], syntax, BitsStored=bits, HighBit=bits - 1)
    np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_jpeg_lossless_of_another_encoder(tmp_path: Path, bits: int) -> None:
    values = smooth(bits, 40, 30)
    stream = bytes(imagecodecs.ljpeg_encode(values, bitspersample=bits))
    path = compressed(
        tmp_path, values, [stream], JPEGLosslessSV1, BitsStored=bits, HighBit=bits - 1
    )
    np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_ls_lossless(tmp_path: Path, bits: int) -> None:
    values = smooth(bits, 40, 30)
    stream = bytes(jpeg_ls.encode_array(values))
    path = compressed(tmp_path, values, [stream], JPEGLSLossless, BitsStored=bits, HighBit=bits - 1)
    np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("interleave", [0, 1, 2])
def test_jpeg_ls_colours_in_every_order(tmp_path: Path, interleave: int) -> None:
    """Given colours by plane, by line and by pixel, each sample is where it belongs."""
    values = smooth(8, 40, 30, 3)
    planes = np.ascontiguousarray(np.moveaxis(values, -1, 0)) if interleave == 0 else values
    stream = bytes(jpeg_ls.encode_array(planes, interleave_mode=interleave))
    path = compressed(tmp_path, values, [stream], JPEGLSLossless)
    np.testing.assert_array_equal(decoded(path), np.moveaxis(values, -1, 0))


def test_deflated_slices(tmp_path: Path) -> None:
    """A whole data set is inflated (PS3.5, A.5), so that its frames cannot be read one by one."""
    images = series(3, 8)
    for image in images:
        image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    (tmp_path / "sent").mkdir()
    paths = written(images, tmp_path / "sent")
    (incoming,), _ = incoming_scans(paths, tmp_path, Limits())
    found = decoded(incoming.path)
    expected = np.stack([dcmread(path).pixel_array.T for path in paths], axis=-1)
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K])
def test_htj2k(tmp_path: Path, syntax: UID) -> None:
    """Encoded by OpenJPH, decoded by OpenJPEG."""
    values = smooth(12, 40, 30)
    stream = bytes(imagecodecs.htj2k_encode(values, reversible=True))
    path = compressed(tmp_path, values, [stream], syntax)
    np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
def test_rle(tmp_path: Path, bits: int, samples: int) -> None:
    """Encoded by pydicom."""
    values = smooth(bits, 41, 31, samples)
    image = picture(values if samples > 1 else values[..., 0])
    image.compress(RLELossless, encoding_plugin="pydicom")
    (path,) = write([image], tmp_path)
    np.testing.assert_array_equal(decoded(path), np.moveaxis(values, -1, 0))


@pytest.mark.parametrize(
    "name",
    [
        *("MR_small_RLE.dcm", "SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_32bit.dcm"),
        *("SC_rgb_rle_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm", "rtdose_rle.dcm"),
    ],
)
def test_rle_as_pydicom_decodes_it(name: str) -> None:
    image = dcmread(pydicom_file(name))
    np.testing.assert_array_equal(frames(image, decoders.PLUGIN), frames(image, "pydicom"))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("rtdose_rle.dcm", "rtdose.dcm"),
    ],
)
def test_the_uncompressed_counterpart_has_the_same_values(name: str, plain: str) -> None:
    image, counterpart = (dcmread(pydicom_file(one)) for one in (name, plain))
    np.testing.assert_array_equal(frames(image, decoders.PLUGIN), frames(counterpart, ""))


BARS = (
    *((255, 0, 0), (255, 128, 128), (0, 255, 0), (128, 255, 128), (0, 0, 255), (128, 128, 255)),
    *((0, 0, 0), (64, 64, 64), (192, 192, 192), (255, 255, 255)),
)
"""Colours of the ten bars, ten rows each, in pydicom's files that begin with SC_rgb."""


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("SC_rgb_jpeg_gdcm.dcm", 1),
        ("SC_rgb_gdcm_KY.dcm", 1),
        ("SC_rgb_rle.dcm", 1),
        ("SC_rgb_rle_16bit.dcm", 0x101),
        ("SC_rgb_rle_32bit.dcm", 0x1010101),
    ],
)
def test_colour_bars_have_their_colours(name: str, unit: int) -> None:
    expected = np.broadcast_to(np.repeat(np.array(BARS), 10, axis=0)[:, None] * unit, (100, 100, 3))
    found = frames(dcmread(pydicom_file(name)), decoders.PLUGIN)[0]
    np.testing.assert_array_equal(found, expected)


# Signs, and bits that are not used.


def test_signed_values_of_twelve_bits(tmp_path: Path) -> None:
    """Given -2048..2047 in a stream of 12 unsigned bits, every sign comes back."""
    values = smooth(12, 40, 30).astype(np.int16) - 2048
    pattern = (values & 0xFFF).astype(np.uint16)
    header = {"PixelRepresentation": 1, "BitsStored": 12, "HighBit": 11}
    for number, (syntax, stream) in enumerate(
        (
            (JPEGLosslessSV1, jpeg_lossless(12, 1)(pattern)),
            (JPEGLSLossless, bytes(jpeg_ls.encode_array(pattern))),
        )
    ):
        path = compressed(tmp_path / str(number), pattern, [stream], syntax, **header)
        np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless])
def test_eight_bits_in_sixteen(tmp_path: Path, syntax: UID) -> None:
    """Given BitsAllocated 16 and a stream of 8 bits, values are not read in pairs."""
    values = np.repeat(np.repeat(smooth(8, 5, 4), 8, 0), 8, 1)
    streams = {
        JPEGBaseline8Bit: lambda: bytes(imagecodecs.jpeg8_encode(values, level=100)),
        JPEGLosslessSV1: lambda: jpeg_lossless(8, 1)(values),
        JPEGLSLossless: lambda: bytes(jpeg_ls.encode_array(values)),
    }
    wide = values.astype(np.uint16)
    path = compressed(tmp_path, wide, [streams[syntax]()], syntax, BitsStored=8, HighBit=7)
    np.testing.assert_array_equal(decoded(path)[0], values)


# Lossy: as another decoder has it, and near what went in.


def test_jpeg_baseline_of_flat_blocks_is_exact(tmp_path: Path) -> None:
    """Given blocks of one value, which are a DC coefficient alone, no rounding is left."""
    values = np.repeat(np.repeat(smooth(8, 9, 7), 8, 0), 8, 1)
    path = compressed(
        tmp_path, values, [bytes(imagecodecs.jpeg8_encode(values, level=100))], JPEGBaseline8Bit
    )
    np.testing.assert_array_equal(decoded(path)[0], values)


def test_jpeg_extended_of_twelve_bits(tmp_path: Path) -> None:
    values = smooth(12, 40, 32)
    stream = bytes(imagecodecs.jpeg8_encode(values, level=100, bitspersample=12))
    path = compressed(tmp_path, values, [stream], JPEGExtended12Bit, BitsStored=12, HighBit=11)
    np.testing.assert_allclose(decoded(path)[0], values, atol=2)


def test_a_scan_header_with_an_odd_end_of_spectral_selection_is_read() -> None:
    """Given Se = 0 where sequential JPEG has 63, the values are those of the sound stream."""
    first, second = (
        frames(dcmread(pydicom_file(name)), decoders.PLUGIN)[0].astype(int)
        for name in ("JPGExtended.dcm", "JPEG-lossy.dcm")
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("interleave", [1, 2])
def test_jpeg_ls_near_lossless(tmp_path: Path, interleave: int) -> None:
    """No value is further away than the encoder was allowed."""
    values = smooth(8, 40, 30, 3)
    stream = bytes(jpeg_ls.encode_array(values, lossy_error=3, interleave_mode=interleave))
    found = decoded(compressed(tmp_path, values, [stream], JPEGLSNearLossless)).astype(int)
    assert 0 < np.abs(found - np.moveaxis(values, -1, 0)).max() <= 3


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_colours_of_jpeg_baseline_as_pillow_has_them(tmp_path: Path, subsampling: int) -> None:
    """YCbCr with chroma at full, half and quarter resolution becomes the same RGB."""
    values = smooth(8, 48, 32, 3)
    path = tmp_path / "color.jpg"
    Image.fromarray(values).save(path, quality=95, subsampling=subsampling)
    kind = "YBR_FULL_422" if subsampling else "YBR_FULL"
    dicom = compressed(
        tmp_path / "dicom", values, [path.read_bytes()], JPEGBaseline8Bit,
        PhotometricInterpretation=kind,
    )  # fmt: skip
    shown = np.moveaxis(np.asarray(Image.open(path)), -1, 0).astype(int)
    difference = np.abs(decoded(dicom).astype(int) - shown)
    assert difference.max() <= 3  # pydicom rounds its own conversion to RGB
    assert difference.mean() < 0.5


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cr.dcm"])
def test_colours_are_as_pydicom_says_of_pillow(name: str) -> None:
    image = dcmread(pydicom_file(name))
    np.testing.assert_array_equal(frames(image, decoders.PLUGIN), frames(image, "pillow"))


def test_every_frame_is_decoded() -> None:
    """Given 30 frames, each is the one that Pillow has at its place."""
    image = dcmread(pydicom_file("examples_ybr_color.dcm"))
    found = frames(image, decoders.PLUGIN)
    assert len(found) == 30
    np.testing.assert_array_equal(found, frames(image, "pillow"))


def frames(image: Dataset, plugin: str) -> Values:
    """(frames, rows, columns[, samples]) of a data set, colours as they are stored."""
    decoder = get_decoder(image.file_meta.TransferSyntaxUID)
    return np.stack(
        [values for values, _ in decoder.iter_array(image, raw=True, decoding_plugin=plugin)]
    )


# Streams that are damaged or hostile.


def _streams() -> dict[str, tuple[UID, bytes, Values]]:
    grey, deep = smooth(8, 64, 64), smooth(12, 64, 64)
    return {
        "baseline": (JPEGBaseline8Bit, bytes(imagecodecs.jpeg8_encode(grey)), grey),
        "extended": (
            JPEGExtended12Bit, bytes(imagecodecs.jpeg8_encode(deep, bitspersample=12)), deep,
        ),
        "lossless": (JPEGLosslessSV1, jpeg_lossless(12, 1)(deep), deep),
        "JPEG-LS": (JPEGLSLossless, bytes(jpeg_ls.encode_array(deep)), deep),
        "JPEG 2000": (
            JPEG2000Lossless, bytes(imagecodecs.jpeg2k_encode(deep, codecformat="j2k")), deep,
        ),
        "HTJ2K": (HTJ2KLossless, bytes(imagecodecs.htj2k_encode(deep, reversible=True)), deep),
        "RLE": (RLELossless, _rle(deep), deep),
    }  # fmt: skip


def _rle(values: Values) -> bytes:
    image = picture(values)
    image.compress(RLELossless, encoding_plugin="pydicom")
    return next(iter(generate_frames(image.PixelData, number_of_frames=1)))


STREAMS = _streams()


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_stream_is_decoded(tmp_path: Path, name: str) -> None:
    syntax, stream, values = STREAMS[name]
    path = compressed(tmp_path, values, [stream], syntax)
    lossy = name in ("baseline", "extended")
    np.testing.assert_allclose(decoded(path)[0], values, atol=40 if lossy else 0)


@pytest.mark.parametrize("part", [0, 0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", STREAMS)
def test_a_truncated_stream_is_refused(tmp_path: Path, name: str, part: float) -> None:
    """Decoders of JPEG would fill the rest of the image in grey."""
    syntax, stream, values = STREAMS[name]
    path = compressed(tmp_path, values, [stream[: int(len(stream) * part)] or b"\0\0"], syntax)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        decoded(path)


@pytest.mark.parametrize("name", STREAMS)
def test_damaged_bytes_never_crash(tmp_path: Path, name: str) -> None:
    """Given bytes changed at random, there are values of the stated shape or our error."""
    syntax, stream, values = STREAMS[name]
    random = np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(stream)
        for at in random.integers(0, len(stream), 1 + number % 4):
            damaged[at] ^= int(random.integers(1, 256))
        path = compressed(tmp_path / str(number), values, [bytes(damaged)], syntax)
        try:
            assert decoded(path)[0].shape == values.shape
        except UnreadableScan:
            continue


@pytest.mark.parametrize("padding", [1, 2, 3, 16])
def test_rle_segments_with_zeros_behind_them(tmp_path: Path, padding: int) -> None:
    """PS3.5 G.3.1 allows one byte; some encoders append more."""
    _, stream, values = STREAMS["RLE"]
    path = compressed(tmp_path, values, [stream + bytes(padding)], RLELossless)
    np.testing.assert_array_equal(decoded(path)[0], values)


@pytest.mark.parametrize("name", [name for name in STREAMS if name != "RLE"])
def test_a_stream_of_another_size_is_refused(tmp_path: Path, name: str) -> None:
    syntax, stream, values = STREAMS[name]
    path = compressed(tmp_path, values[:-1], [stream], syntax)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        decoded(path)


def test_scans_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given thousands of scans over one image, no decoder runs through all of them."""
    syntax, stream, values = STREAMS["baseline"]
    start = stream.index(b"\xff\xda")
    scan = stream[start:-2]
    path = compressed(tmp_path, values, [stream[:start] + scan * 5000 + stream[-2:]], syntax)
    monkeypatch.setattr("imaging.formats.dicom.pixel_values.pixel_array", pytest.fail)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        decoded(path)


def test_rle_segments_that_grow_without_end_are_bounded(tmp_path: Path) -> None:
    """Given a segment that unpacks to 64 times its size, memory holds the image alone."""
    _, stream, values = STREAMS["RLE"]
    endless = stream + b"\x81\x07" * (1 << 16)
    path = compressed(tmp_path, values, [endless], RLELossless)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        decoded(path)


# No other decoder is needed.

_ALONE = """
import sys
for name in ("pylibjpeg", "libjpeg", "openjpeg", "rle", "gdcm", "jpeg_ls"):
    sys.modules[name] = None  # an import of it raises
from pathlib import Path
from pydicom.data import get_testdata_file
from imaging.box import Box
from imaging.formats.sniff import open_scan
for name in sys.argv[1:]:
    scan = open_scan(Path(get_testdata_file(name)))
    scan.read(Box.whole(scan.grid))
"""


@pytest.mark.process
def test_imagecodecs_alone_decodes_every_family() -> None:
    """Given none of the optional decoders of pydicom, each family of codestreams is decoded."""
    names = [
        *("SC_rgb_small_odd_jpeg.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm"),
        *("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEG2000.dcm"),
    ]
    subprocess.run([sys.executable, "-c", _ALONE, *names], check=True, timeout=120)


def test_pydicom_knows_the_plug_in_for_every_syntax() -> None:
    for syntax in decoders.DECODER_DEPENDENCIES:
        assert decoders.PLUGIN in get_decoder(syntax).available_plugins
