"""What the samples of a TIFF mean, against libtiff: photometric interpretations and bit depths."""

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.box import Box
from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.sniff import open_scan, verify
from tests.support import tiff_files

RANDOM = np.random.default_rng(23)
WHITE, BLACK, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6


def values(bits: int, samples: int = 1) -> np.ndarray:
    """(17, 23, sample), with the least and the largest value."""
    out = np.random.default_rng(bits + samples).integers(0, 1 << bits, (17, 23, samples))
    out[0, 0], out[1, 1] = 0, (1 << bits) - 1
    return out.astype(f"u{1 if bits <= 8 else 2 if bits <= 16 else 4}")


def read(path: Path) -> np.ndarray:
    """(row, column, c), the same as a whole and by region."""
    scan = verify(path)
    pixels = np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
    part = np.moveaxis(open_scan(path).read(Box((3, 2), (11, 19))), 0, -1)
    assert np.array_equal(part, pixels[3:11, 2:19])
    assert pixels.dtype == scan.dtype
    return pixels


@pytest.mark.parametrize(
    ("photometric", "bits", "samples", "tags"),
    [
        *((kind, bits, 1, {}) for kind in (WHITE, BLACK) for bits in (1, 2, 4, 8)),
        (BLACK, 8, 2, {"tag_338": 2}),
        (WHITE, 8, 2, {"tag_338": 1}),
        (RGB, 8, 3, {}),
        (RGB, 8, 4, {"tag_338": 1}),
        (RGB, 8, 5, {"tag_338": [0, 0]}),
        (CMYK, 8, 4, {}),
        (YCBCR, 8, 3, {"tag_530": [1, 1]}),
        (YCBCR, 8, 3, {"tag_530": [1, 1], "tag_529": [(2126, 10000), (7152, 10000), (722, 10000)]}),
        (
            YCBCR,
            8,
            3,
            {
                "tag_530": [1, 1],
                "tag_532": [(16, 1), (235, 1), (128, 1), (240, 1), (128, 1), (240, 1)],
            },
        ),
        *(
            (PALETTE, bits, 1, {"tag_320": RANDOM.integers(0, top, 3 << bits).tolist()})
            for bits in (1, 2, 4, 8)
            for top in (256, 65536)
        ),
    ],
)
def test_colours_are_those_of_libtiff(
    tmp_path: Path, photometric: int, bits: int, samples: int, tags: dict[str, Any]
) -> None:
    data = tiff_files.tiff(tiff_files.page(values(bits, samples), bits, photometric, **tags))
    (tmp_path / "a").write_bytes(data)
    oracle = imagecodecs.tiff_decode(data, asrgb=True)[..., :3]
    got = np.broadcast_to(read(tmp_path / "a"), oracle.shape)
    if photometric == YCBCR:  # libtiff computes in fixed point: one value in 4,000 rounds otherwise
        differences = np.abs(got.astype(int) - oracle)
        assert differences.max() <= 1
        assert (differences > 0).mean() < 0.003
    else:
        assert np.array_equal(got, oracle)


@pytest.mark.parametrize("bits", [9, 10, 11, 12, 13, 14, 15, 16, 32])
@pytest.mark.parametrize("compression", ["none", "lzw", "odd rows", "big-endian"])
def test_deep_samples_keep_their_values(tmp_path: Path, bits: int, compression: str) -> None:
    """libtiff returns packed rows as they are; NumPy unpacks them here, bit by bit."""
    stored = values(bits)
    if compression == "big-endian" and bits % 16 == 0:
        stored = stored % 251
    for photometric in (BLACK, WHITE):
        tags, strips = tiff_files.page(stored, bits, photometric)
        order = "<"
        if compression == "lzw":
            tags[tiff_files.COMPRESSION] = 5
            strips = [bytes(imagecodecs.lzw_encode(strips[0]))]
        if compression == "odd rows":
            tags[tiff_files.ROWS_PER_STRIP] = 5
            size = len(strips[0]) // 17
            strips = [strips[0][n * size : (n + 5) * size] for n in (0, 5, 10, 15)]
        if compression == "big-endian":
            order = ">"
            if bits % 16 == 0:
                strips = [stored.astype(f">u{bits // 8}").tobytes()]
        (tmp_path / "a").write_bytes(tiff_files.tiff((tags, strips), order=order))
        top = (1 << bits) - 1
        expected = stored if photometric == BLACK else (top - stored.astype(np.uint64))
        assert np.array_equal(read(tmp_path / "a"), expected)


def test_packed_bits_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    tags, strips = tiff_files.page(values(12), 12, BLACK)
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags, [strips[0][:-1]])))
    with pytest.raises(UnreadableScan, match="fewer pixels"):
        open_scan(tmp_path / "a")


@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_of_24_bits(tmp_path: Path, order: str) -> None:
    """A sign, 7 bits of exponent with a bias of 63, 16 bits of fraction (TIFF Technical Note 3)."""
    tags, _ = tiff_files.page(np.zeros((4, 1), np.uint64), 24, BLACK, tag_339=3)
    numbers = {0x3F0000: 1.0, 0xBF8000: -1.5, 0x400000: 2.0, 0x000000: 0.0}
    strip = b"".join(n.to_bytes(3, "little" if order == "<" else "big") for n in numbers)
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags, [strip]), order=order))
    scan = verify(tmp_path / "a")
    assert scan.read(Box.whole(scan.grid)).ravel().tolist() == list(numbers.values())


def test_more_than_16_packed_bits_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(tiff_files.tiff(tiff_files.page(values(24), 24, BLACK)))
    with pytest.raises(UnsupportedScan, match="24 bits"):
        open_scan(tmp_path / "a")


def test_six_bits_are_scaled_to_the_whole_range(tmp_path: Path) -> None:
    stored = values(6)
    for photometric in (BLACK, WHITE):
        data = tiff_files.tiff(tiff_files.page(stored, 6, photometric))
        (tmp_path / "a").write_bytes(data)
        share = stored / 63 if photometric == BLACK else 1 - stored / 63
        assert np.array_equal(read(tmp_path / "a"), np.rint(share * 255))


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u8", "f2", "f4", "f8"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "tile": (16, 16)}], ids=str)
def test_signed_and_floating_point_samples(
    tmp_path: Path, dtype: str, options: dict[str, Any]
) -> None:
    """White is zero: the order of grey values is reversed, and signed ones stay in their range."""
    stored = RANDOM.integers(0, 101, (17, 23)).astype(dtype)
    if dtype[0] in "if":
        stored -= 50
    tifffile.imwrite(tmp_path / "a", stored, photometric="minisblack", metadata=None, **options)
    assert np.array_equal(read(tmp_path / "a")[..., 0], tifffile.imread(tmp_path / "a"))
    tifffile.imwrite(tmp_path / "b", stored, photometric="miniswhite", metadata=None, **options)
    got = read(tmp_path / "b")[..., 0]
    top = {"i": -1, "f": 1, "u": np.uint64((1 << 64) - 1)}[dtype[0]]
    assert np.array_equal(got, top - stored)
    assert got.dtype == ("f4" if dtype == "f2" else dtype)


def test_floats_are_inverted_in_the_range_that_the_file_states(tmp_path: Path) -> None:
    stored = RANDOM.uniform(-5, 20, (17, 23)).astype(np.float32)
    tags = {"tag_339": 3, "tag_340": -5.0, "tag_341": 20.0}
    (tmp_path / "a").write_bytes(tiff_files.tiff(tiff_files.page(stored, 32, WHITE, **tags)))
    assert np.allclose(read(tmp_path / "a")[..., 0], 15 - stored, atol=1e-5)


@pytest.mark.parametrize("compression", ["zstd", "lzma", "jpeg", "jpeg2000", "webp", "jpegxl"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_compressed_colours(tmp_path: Path, compression: str, tile: tuple[int, int] | None) -> None:
    stored = np.repeat(np.repeat(values(8, 3), 8, 0), 8, 1)
    tifffile.imwrite(
        tmp_path / "a", stored, photometric="rgb", compression=compression, tile=tile, metadata=None
    )
    oracle = tifffile.imread(tmp_path / "a")
    assert np.array_equal(read(tmp_path / "a"), oracle)
    assert np.abs(oracle.astype(int) - stored).mean() < 10


@pytest.mark.parametrize("photometric", [RGB, YCBCR])
def test_jpeg_2000_of_aperio_is_ycbcr(tmp_path: Path, photometric: int) -> None:
    """Compression 33003: the codec does not know that its components are YCbCr."""
    rgb = np.repeat(np.repeat(values(8, 3)[:4, :4], 8, 0), 8, 1)
    matrix = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    coded = np.clip(np.rint(rgb @ np.array(matrix).T + (0, 128, 128)), 0, 255).astype(np.uint8)
    stream = imagecodecs.jpeg2k_encode(coded, codecformat="j2k", mct=False, reversible=True)
    tags, _ = tiff_files.page(coded, 8, photometric)
    tags |= {tiff_files.COMPRESSION: 33003, 322: 32, 323: 32}
    del tags[tiff_files.ROWS_PER_STRIP]
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags, [bytes(stream)])))
    assert np.abs(read(tmp_path / "a").astype(int) - rgb).max() <= 2


@pytest.mark.parametrize(
    ("photometric", "samples", "tags", "reason"),
    [
        (4, 1, {}, "transparency mask"),
        (8, 3, {}, "L\\*a\\*b\\*"),
        (32803, 1, {}, "colour filter"),
        (77, 1, {}, "interpretation 77"),
        (YCBCR, 3, {}, "subsampled chroma"),
        (CMYK, 4, {"tag_332": 2}, "inks"),
        (CMYK, 4, {"tag_258": [4] * 4}, "CMYK with samples of 4 bits"),
        (YCBCR, 3, {"tag_258": [4] * 3, "tag_530": [1, 1]}, "YCbCr with samples of 4 bits"),
        (BLACK, 1, {"tag_339": 5}, "SampleFormat 5"),
        (BLACK, 3, {"tag_338": [0, 0]}, "channel 1 of 3"),
        (PALETTE, 1, {}, "palette"),
        (RGB, 2, {}, "fewer than three"),
    ],
)
def test_what_is_not_read_is_refused_with_its_reason(
    tmp_path: Path, photometric: int, samples: int, tags: dict[str, Any], reason: str
) -> None:
    data = tiff_files.tiff(tiff_files.page(values(8, samples), 8, photometric, **tags))
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(TesseraError, match=reason) as error:
        open_scan(tmp_path / "a")
    assert isinstance(error.value, UnsupportedScan | UnreadableScan)


def test_a_missing_photometric_interpretation_is_that_of_libtiff(tmp_path: Path) -> None:
    tags, strips = tiff_files.page(values(8), 8, RGB)
    del tags[tiff_files.PHOTOMETRIC]
    data = tiff_files.tiff((tags, strips))
    (tmp_path / "a").write_bytes(data)
    oracle = imagecodecs.tiff_decode(data, asrgb=True)[..., :1]
    assert np.array_equal(read(tmp_path / "a"), oracle)


@pytest.mark.parametrize("bits", [8, 12])
def test_a_wrong_count_of_bytes_of_the_only_strip_is_ignored(tmp_path: Path, bits: int) -> None:
    stored = values(bits)
    data = bytearray(tiff_files.tiff(tiff_files.page(stored, bits, BLACK)))
    count = data.index((279).to_bytes(2, "little") + (4).to_bytes(2, "little")) + 8
    data[count : count + 4] = (3_571_144_000).to_bytes(4, "little")
    (tmp_path / "a").write_bytes(data)
    assert np.array_equal(imagecodecs.tiff_decode(bytes(data)), stored[..., 0])
    assert np.array_equal(read(tmp_path / "a"), stored)


def test_ycbcr_components_that_are_compressed_by_themselves_are_refused(tmp_path: Path) -> None:
    """They were taken for red, green and blue."""
    planes = np.zeros((3, 32, 32), np.uint8)
    tifffile.imwrite(
        tmp_path / "a", planes, photometric="rgb", planarconfig="separate", compression="jpeg"
    )
    data = bytearray((tmp_path / "a").read_bytes())
    with tifffile.TiffFile(tmp_path / "a") as file:
        at = file.pages[0].tags["PhotometricInterpretation"].valueoffset
    data[at : at + 2] = b"\6\0"
    (tmp_path / "a").write_bytes(bytes(data))
    with pytest.raises(UnsupportedScan, match="by itself"):
        open_scan(tmp_path / "a")


@pytest.mark.parametrize(
    ("subsampling", "cut", "reason"),
    [(0, 0, None), (1, 0, "subsampled"), (2, 0, "subsampled"), (0, 2, "no JPEG streams")],
)
def test_old_style_jpeg_is_read_exactly_or_refused_by_name(
    tmp_path: Path, subsampling: int, cut: int, reason: str | None
) -> None:
    """TIFF 6.0, section 22; libtiff, through Pillow, is the oracle."""
    pixels = np.random.default_rng(6).integers(0, 255, (32, 48, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, subsampling=subsampling)
    tags, _ = tiff_files.page(pixels, 8, YCBCR)
    strips = [stream.getvalue()[cut:]]
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags | {tiff_files.COMPRESSION: 6}, strips)))
    if reason is None:
        scan = verify(tmp_path / "a")
        oracle = np.asarray(Image.open(tmp_path / "a").convert("RGB"))
        assert np.array_equal(np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1), oracle)
        return
    with pytest.raises(UnsupportedScan, match=reason):
        verify(tmp_path / "a")
