"""BMP, WebP and JPEG 2000 images against other decoders, and what is refused."""

import io
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from imaging.box import Box
from imaging.errors import ScanTooLarge, TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify

RANDOM = np.random.default_rng(8)
COLOURS = np.repeat(np.repeat(RANDOM.integers(0, 255, (9, 11, 3)), 6, 0), 6, 1).astype(np.uint8)
GREY = COLOURS[..., 0]


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def check(
    path: Path, data: bytes, expected: np.ndarray, kind: str, *, warned: bool = False
) -> None:
    path.write_bytes(data)
    scan = verify(path)
    pixels = np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
    assert np.array_equal(pixels, expected.reshape(pixels.shape))
    assert (scan.format, scan.dtype, bool(scan.warnings)) == (kind, expected.dtype, warned)
    part = open_scan(path).read(Box((2, 3), (20, 30)))
    assert np.array_equal(np.moveaxis(part, 0, -1), pixels[2:20, 3:30])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(COLOURS).convert(mode)
    data = saved(image, "BMP")
    oracle = np.asarray(imagecodecs.bmp_decode(data))
    expected = {"1": "L", "L": "L"}.get(mode, "RGB")
    oracle = oracle[..., :3] if expected == "RGB" else oracle.reshape(*GREY.shape, -1)[..., 0]
    check(tmp_path / "a", data, oracle, "bmp")
    assert np.array_equal(oracle, np.asarray(image.convert(expected)))


def test_run_length_encoded_bmp(tmp_path: Path) -> None:
    """BI_RLE8, written by hand: two rows, the first one at the bottom."""
    palette = b"".join(bytes((n, 255 - n, n // 2, 0)) for n in range(256))
    rows = bytes((3, 7, 0, 3, 10, 20, 30, 0, 0, 0, 6, 200, 0, 1))
    offset = 14 + 40 + len(palette)
    info = b"".join(n.to_bytes(4, "little") for n in (40, 6, 2))
    info += (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
    info += b"".join(n.to_bytes(4, "little") for n in (1, len(rows), 0, 0, 256, 256))
    head = b"BM" + b"".join(n.to_bytes(4, "little") for n in (offset + len(rows), 0, offset))
    (tmp_path / "a").write_bytes(head + info + palette + rows)
    scan = verify(tmp_path / "a")
    index = np.array([[200] * 6, [7, 7, 7, 10, 20, 30]])
    expected = np.stack([index // 2, 255 - index, index])
    assert np.array_equal(scan.read(Box.whole(scan.grid)), expected)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"icc_profile": b"profile"}], ids=str)
def test_webp(tmp_path: Path, lossless: bool, mode: str, options: dict[str, Any]) -> None:
    image = Image.fromarray(COLOURS).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(GREY))
    data = saved(image, "WEBP", lossless=lossless, exact=True, **options)
    oracle = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    check(tmp_path / "a", data, oracle, "webp", warned=mode == "RGBA")


@pytest.mark.parametrize("kind", ["jp2", "j2k"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("samples", [1, 3])
def test_jpeg_2000(tmp_path: Path, kind: str, dtype: str, samples: int) -> None:
    stored = (COLOURS if samples == 3 else GREY).astype(dtype)
    stored = stored if dtype == "u1" else stored * 100 - (9000 if dtype == "i2" else 0)
    data = imagecodecs.jpeg2k_encode(stored.astype(dtype), codecformat=kind, level=0)
    check(tmp_path / "a", bytes(data), stored.astype(dtype), "jpeg2000")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_jpeg_2000_by_another_writer(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(COLOURS).convert(mode)
    data = saved(image, "JPEG2000")
    oracle = np.asarray(Image.open(io.BytesIO(data)).convert(mode.rstrip("A") or "L"))
    check(tmp_path / "a", data, oracle, "jpeg2000", warned=mode.endswith("A"))


@pytest.mark.parametrize("bits", [1, 4, 6, 12])
def test_jpeg_2000_of_other_depths(tmp_path: Path, bits: int) -> None:
    stored = (GREY.astype(np.uint16) * 257 >> (16 - bits)).astype("u1" if bits <= 8 else "u2")
    data = imagecodecs.jpeg2k_encode(stored, codecformat="j2k", level=0, bitspersample=bits)
    expected = stored if bits > 8 else np.rint(stored * (255 / ((1 << bits) - 1)))
    check(tmp_path / "a", bytes(data), expected.astype(stored.dtype), "jpeg2000")


FILES = {
    "bmp": saved(Image.fromarray(COLOURS), "BMP"),
    "webp": saved(Image.fromarray(COLOURS), "WEBP", lossless=True),
    "jp2": saved(Image.fromarray(COLOURS), "JPEG2000"),
    "j2k": bytes(imagecodecs.jpeg2k_encode(COLOURS, codecformat="j2k", level=0)),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("left", [20, 45, 0.3, 0.7, 0.99])
def test_an_image_that_is_cut_off_is_refused(tmp_path: Path, kind: str, left: float) -> None:
    data = FILES[kind]
    (tmp_path / "a").write_bytes(data[: int(left if left > 1 else left * len(data))])
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "a")


@pytest.mark.parametrize("kind", FILES)
def test_an_image_over_the_limit_is_refused_before_it_is_decoded(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(FILES[kind])
    with pytest.raises(ScanTooLarge, match="54 x 66"):
        open_scan(tmp_path / "a", Limits(max_pixels=54 * 66 - 1))


def test_animations_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedScan, match="animated"):
        open_scan(tmp_path / "a.webp")


def test_a_png_with_one_frame_is_no_animation(tmp_path: Path) -> None:
    """Pillow writes an animation control chunk, also for one frame."""
    image = Image.fromarray(COLOURS)
    for count, name in ((1, "still"), (2, "animated")):
        more = [Image.fromarray(255 - COLOURS)] * (count - 1)
        image.save(tmp_path / name, "PNG", save_all=True, append_images=more)
    data = bytearray((tmp_path / "animated").read_bytes())
    at = data.index(b"acTL") + 4
    data[at : at + 4] = b"\0\0\0\1"
    data[at + 8 : at + 12] = zlib.crc32(data[at - 4 : at + 8]).to_bytes(4, "big")
    for content in ((tmp_path / "still").read_bytes(), bytes(data)):
        check(tmp_path / "a", content, COLOURS, "png")
    with pytest.raises(UnsupportedScan, match="animated"):
        open_scan(tmp_path / "animated")


@pytest.mark.parametrize(
    ("at", "content", "words"),
    [
        (40, b"\0\5", "5 components"),
        (42, b"\x0b", "differ"),
        (43, b"\2\1\7\2\1\7\2\1", "subsampled"),
        (8, b"\0\0\0\0", "no pixels"),
        (42, b"\x1f\1\1" * 3, "32 bits"),
    ],
)
def test_a_jpeg_2000_is_refused_for_what_it_is(
    tmp_path: Path, at: int, content: bytes, words: str
) -> None:
    """Fields of SIZ (ITU-T T.800, A.5.1)."""
    data = bytearray(FILES["j2k"])
    data[at : at + len(content)] = content
    (tmp_path / "a").write_bytes(bytes(data))
    with pytest.raises((UnreadableScan, UnsupportedScan), match=words):
        open_scan(tmp_path / "a")


def jp2_in_colours(colour: bytes, samples: int = 3) -> bytes:
    """A JP2 whose colour box has this content (ITU-T T.800, I.5.3.3)."""
    pixels = np.full((16, 16, samples), 200, np.uint8)
    data = bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="jp2", level=0))
    box, header = data.index(b"colr") - 4, data.index(b"jp2h") - 4
    grown = len(colour) - 7
    length = int.from_bytes(data[header : header + 4], "big") + grown
    data = data[:header] + length.to_bytes(4, "big") + data[header + 4 :]
    return data[:box] + (8 + len(colour)).to_bytes(4, "big") + b"colr" + colour + data[box + 15 :]


@pytest.mark.parametrize(
    ("space", "samples", "words"),
    [
        (12, 4, "CMYK"),
        (14, 3, "L.a.b"),
        (18, 3, "YCbCr"),
        (24, 3, "e-sYCC"),
        (99, 3, "unknown space 99"),
        (b"CMYK", 4, "CMYK"),
        (b"Lab ", 3, "Lab"),
        (16, 3, None),
        (b"RGB ", 3, None),
    ],
)
def test_jpeg_2000_in_other_colours_is_refused_by_name(
    tmp_path: Path, space: int | bytes, samples: int, words: str | None
) -> None:
    """They were read as RGB."""
    if isinstance(space, int):
        colour = b"\1\0\0" + space.to_bytes(4, "big")
    else:
        colour = b"\3\0\0" + bytes(16) + space + bytes(108)
    (tmp_path / "a").write_bytes(jp2_in_colours(colour, samples))
    if words is None:
        assert open_scan(tmp_path / "a").shape == (3, 16, 16)
        return
    with pytest.raises(UnsupportedScan, match=words):
        open_scan(tmp_path / "a")


def test_damage_is_reported_as_damage(tmp_path: Path) -> None:
    for kind, data in FILES.items():
        for _ in range(60):
            broken = bytearray(data)
            for at in RANDOM.integers(2, min(200, len(data)), 3):
                broken[at] = RANDOM.integers(0, 256)
            (tmp_path / kind).write_bytes(bytes(broken))
            try:
                scan = verify(tmp_path / kind, Limits(max_pixels=1 << 22, max_bytes=1 << 24))
                scan.read(Box.whole(scan.grid))
            except (UnreadableScan, UnsupportedScan, ScanTooLarge):
                continue


@pytest.mark.parametrize("kind", FILES)
def test_a_de_identified_image_has_its_pixels_alone(tmp_path: Path, kind: str) -> None:
    data = FILES[kind]
    if kind == "jp2":
        data = data + (20).to_bytes(4, "big") + b"uuid" + b"PLANTED-TEXT"
    if kind == "webp":
        data = saved(Image.fromarray(COLOURS), "WEBP", lossless=True, xmp=b"PLANTED-TEXT")
    (tmp_path / "a").write_bytes(data + (b"PLANTED-TEXT" if kind == "bmp" else b""))
    selection = ScanSelection(deidentify=True)
    (scan,), _ = incoming_scans([tmp_path / "a"], tmp_path, Limits(), selection)
    assert b"PLANTED-TEXT" not in scan.path.read_bytes()
    assert np.array_equal(np.asarray(Image.open(scan.path)), COLOURS)


def test_a_bmp_of_unusual_bit_fields(tmp_path: Path) -> None:
    """32 bits with the red in bits 22 to 29, green in 12 to 19, blue in 2 to 9, from the top."""
    red, green, blue = (COLOURS[..., n].astype(np.uint32) for n in range(3))
    pixels = (red << 22 | green << 12 | blue << 2).astype("<u4").tobytes()
    info = np.array([40, 66, -54 & 0xFFFFFFFF, 1 | 32 << 16, 3, len(pixels), 0, 0, 0, 0], "<u4")
    masks = np.array([0xFF << 22, 0xFF << 12, 0xFF << 2], "<u4")
    head = np.array([66 + len(pixels), 0, 66], "<u4")
    data = b"BM" + head.tobytes() + info.tobytes() + masks.tobytes() + pixels
    check(tmp_path / "a", data, COLOURS, "bmp")


@pytest.mark.parametrize(
    ("at", "value", "error", "reason"),
    [
        (28, b"\2", UnsupportedScan, "bits per pixel of the BMP"),
        (28, b"\x40", UnsupportedScan, "bits per pixel of the BMP"),
        (28, b"\0", UnsupportedScan, "contains a JPEG or PNG"),
        (30, b"\6", UnsupportedScan, "compression of the BMP"),
        (14, b"\x10", UnsupportedScan, "version of the BMP's header"),
        (14, b"\x42", UnsupportedScan, "version of the BMP's header"),
        (18, b"\x81\xff\xff\xff", UnreadableScan, "negative width"),
    ],
)
def test_a_bmp_of_another_kind_is_refused_by_name(
    tmp_path: Path, at: int, value: bytes, error: type[TesseraError], reason: str
) -> None:
    data = bytearray(FILES["bmp"])
    data[at : at + len(value)] = value
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(error, match=reason):
        open_scan(tmp_path / "a")


def palette_bmp(colours: int, stated: int) -> bytes:
    """Three rows of four pixels, the first row at the top, with a palette of `colours`."""
    palette = np.arange(colours)[:, None] * [3, 5, 7, 0] % 251  # blue, green, red
    offset = 54 + 4 * colours
    info = np.array([40, 4, -3 & 0xFFFFFFFF, 1 | 8 << 16, 0, 12, 0, 0, stated, 0], "<u4")
    head = np.array([offset + 12, 0, offset], "<u4")
    pixels = bytes(range(244, 256))
    return b"BM" + head.tobytes() + info.tobytes() + palette.astype("u1").tobytes() + pixels


def test_a_bmp_may_have_more_colours_than_its_pixels_can_refer_to(tmp_path: Path) -> None:
    index = np.arange(244, 256).reshape(3, 4)
    expected = index[..., None] * [7, 5, 3] % 251
    for colours in (256, 300):
        (tmp_path / "a").write_bytes(palette_bmp(colours, colours))
        scan = verify(tmp_path / "a")
        assert np.array_equal(np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1), expected)
    (tmp_path / "a").write_bytes(palette_bmp(256, 305_402_420))
    with pytest.raises(UnreadableScan, match="impossible size of its palette"):
        open_scan(tmp_path / "a")


DEEP = GREY.astype(np.uint16) * 16


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (imagecodecs.jpeg_encode(DEEP, bitspersample=12), "12 bits"),
        (imagecodecs.ljpeg_encode(DEEP, bitspersample=12), "lossless"),
        (imagecodecs.jpegls_encode(DEEP), "JPEG-LS"),
        (imagecodecs.jpegxl_encode(GREY), "JPEG XL"),
        (imagecodecs.jpegxr_encode(GREY), "JPEG XR"),
        (imagecodecs.avif_encode(COLOURS), "AVIF"),
        (b"ZISRAWFILE" + bytes(600), "Zeiss CZI"),
        (bytes(208) + b"MAP " + bytes(900), "MRC"),
    ],
)
def test_relatives_of_known_formats_are_refused_by_name(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnsupportedScan, match=reason) as error:
        open_scan(tmp_path / "a")
    assert error.value.hint
