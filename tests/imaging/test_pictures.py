"""PNG, JPEG and TIFF: values against other decoders, and every way a file can be unsound."""

import contextlib
import io
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import imagecodecs
import numpy as np
import pytest
import skimage
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imaging.box import Box
from imaging.errors import (
    BadRequest,
    ScanTooLarge,
    TesseraError,
    UnreadableScan,
    UnsupportedScan,
)
from imaging.formats import mask_file
from imaging.formats.limits import Limits
from imaging.formats.nifti.write import write_mask, write_mask_volume, write_volume
from imaging.formats.png.write import write_mask_png
from imaging.formats.sniff import open_scan, verify
from imaging.scan import Scan

SKIMAGE = Path(str(skimage.__file__)).parent / "data"


def noise(shape: tuple[int, ...], dtype: str = "u1") -> np.ndarray:
    """Asymmetric and never the same twice; 16-bit values use all bits."""
    top = {"u1": 255, "u2": 65535}[dtype]
    return np.random.default_rng(11).integers(0, top, shape, endpoint=True).astype(dtype)


def whole(scan: Scan) -> np.ndarray:
    """(row, column, c)"""
    pixels = scan.read(Box.whole(scan.grid))
    assert pixels.dtype == scan.dtype
    assert pixels.shape == scan.shape
    return np.moveaxis(pixels, 0, -1)


def check(path: Path, expected: np.ndarray, kind: str, *, warned: bool = False) -> None:
    scan = verify(path)
    if expected.ndim == 2:
        expected = expected[..., np.newaxis]
    assert np.array_equal(whole(scan), expected)
    assert scan.dtype == expected.dtype
    assert scan.format == kind
    assert scan.spacing_mm is None
    assert scan.stored_shape == scan.grid == expected.shape[:2]
    assert bool(scan.warnings) == warned
    box = Box((2, 1), (expected.shape[0], 4))
    assert np.array_equal(np.moveaxis(scan.read(box), 0, -1), expected[2:, 1:4])


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_png_of_grey_and_colour_in_8_and_16_bits(tmp_path: Path, dtype: str, samples: int) -> None:
    pixels = noise((7, 9, samples), dtype)
    data = imagecodecs.png_encode(np.ascontiguousarray(pixels.squeeze()))
    (tmp_path / "a.nii.gz").write_bytes(data)  # a misleading name on purpose
    kept = {1: 1, 2: 1, 3: 3, 4: 3}[samples]
    check(tmp_path / "a.nii.gz", pixels[..., :kept], "png", warned=samples in (2, 4))


@pytest.mark.parametrize("transparent", [False, True])
def test_png_with_a_palette_becomes_rgb(tmp_path: Path, transparent: bool) -> None:
    index = noise((7, 9)) % 5
    palette = noise((256, 3))
    picture = Image.fromarray(index)
    picture.putpalette(palette.tobytes())
    picture.save(
        tmp_path / "a.png",
        **cast("dict[str, Any]", {"transparency": bytes([0, 9])} if transparent else {}),
    )
    check(tmp_path / "a.png", palette[index], "png", warned=transparent)


def test_png_of_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = noise((7, 9)) > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    check(tmp_path / "a.png", bits.astype(np.uint8) * 255, "png")


def test_interlaced_png(tmp_path: Path) -> None:
    """Adam7 by hand: seven reduced pictures of unfiltered lines, one after the other."""
    pixels = noise((7, 9))
    lines = b""
    for y, x, down, across in (
        (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):  # fmt: skip
        for line in pixels[y::down, x::across]:
            lines += b"\0" + line.tobytes()
    (tmp_path / "a.png").write_bytes(png(9, 7, 8, 0, zlib.compress(lines), interlace=1))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    check(tmp_path / "a.png", pixels, "png")
    (tmp_path / "b.png").write_bytes(png(9, 7, 8, 0, zlib.compress(lines[:-1]), interlace=1))
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "b.png")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_what_libjpeg_gives(tmp_path: Path, mode: str) -> None:
    shape = (33, 41, 3) if mode == "RGB" else (33, 41)
    Image.fromarray(noise(shape)).save(tmp_path / "a", format="JPEG")
    check(tmp_path / "a", imagecodecs.jpeg_decode((tmp_path / "a").read_bytes()), "jpeg")


def test_an_exif_turn_is_told_of_and_not_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise((16, 24, 3))).save(tmp_path / "a.jpg", exif=exif, quality=95)
    scan = verify(tmp_path / "a.jpg")
    assert scan.grid == (16, 24)
    assert "rotate" in scan.warnings[0]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("samples", [1, 3, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "zlib", "tile": (16, 16)},
        {"rowsperstrip": 3},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "zlib", "rowsperstrip": 4},
        {"planarconfig": "separate", "compression": "zlib", "tile": (16, 16)},
    ],
    ids=str,
)
def test_tiff_of_many_layouts(
    tmp_path: Path, dtype: str, samples: int, options: dict[str, Any]
) -> None:
    pixels = noise((21, 34, samples), dtype)
    stored = pixels[..., 0] if samples == 1 else pixels
    options = dict(options)
    if samples == 1:
        options.pop("planarconfig", None)
    elif "planarconfig" in options:
        stored = np.moveaxis(stored, -1, 0)
    if samples == 4:
        options["extrasamples"] = ["unassalpha"]
    tifffile.imwrite(
        tmp_path / "a",
        stored,
        photometric="minisblack" if samples == 1 else "rgb",
        metadata=None,
        **options,
    )
    check(tmp_path / "a", pixels[..., :3] if samples > 1 else pixels, "tiff", warned=samples == 4)


def test_tiff_by_another_writer(tmp_path: Path) -> None:
    for name, pixels in (("grey", noise((21, 34), "u2")), ("rgb", noise((21, 34, 3)))):
        Image.fromarray(pixels).save(tmp_path / name, format="TIFF")
        check(tmp_path / name, pixels, "tiff")


@pytest.mark.parametrize("compression", ["jpeg", "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_tiff_compressed_by_another_writer(tmp_path: Path, compression: str) -> None:
    pixels = np.repeat(np.repeat(noise((8, 8, 3)), 8, 0), 8, 1)
    Image.fromarray(pixels).save(tmp_path / "a", format="TIFF", compression=compression)
    got = whole(verify(tmp_path / "a")).astype(int)
    oracle = np.asarray(Image.open(tmp_path / "a").convert("RGB")).astype(int)
    assert np.abs(got - oracle).max() <= (3 if compression == "jpeg" else 0)


def test_tiff_whose_white_is_zero_is_turned_about(tmp_path: Path) -> None:
    pixels = noise((21, 34))
    tifffile.imwrite(tmp_path / "a", pixels, photometric="miniswhite", metadata=None)
    check(tmp_path / "a", 255 - pixels, "tiff")


def test_tiff_with_a_palette_becomes_rgb(tmp_path: Path) -> None:
    index = noise((21, 34))
    colors = (noise((3, 256)).astype(np.uint16) << 8) | 7
    tifffile.imwrite(tmp_path / "a", index, photometric="palette", colormap=colors, metadata=None)
    check(tmp_path / "a", np.moveaxis(colors[:, index] >> 8, 0, -1).astype(np.uint8), "tiff")


def test_tiff_of_one_bit_and_of_floats(tmp_path: Path) -> None:
    bits = noise((21, 34)) > 100
    Image.fromarray(bits).save(tmp_path / "bits", format="TIFF")
    check(tmp_path / "bits", bits.astype(np.uint8) * 255, "tiff")
    floats = noise((21, 34)).astype(np.float32) / 7
    tifffile.imwrite(tmp_path / "floats", floats, metadata=None)
    check(tmp_path / "floats", floats, "tiff")


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (1, 1, 3)])
def test_pictures_of_one_pixel_on_an_axis(tmp_path: Path, shape: tuple[int, ...]) -> None:
    for kind in ("png", "tiff"):
        Image.fromarray(noise(shape)).save(tmp_path / kind, format=kind)
        scan = verify(tmp_path / kind)
        assert np.array_equal(whole(scan).squeeze(), noise(shape).squeeze())
    Image.fromarray(noise(shape)).save(tmp_path / "jpeg", format="jpeg")
    assert verify(tmp_path / "jpeg").grid == shape[:2]


@pytest.mark.parametrize("path", sorted(SKIMAGE.glob("*.png")) + sorted(SKIMAGE.glob("*.jpg")))
def test_the_pictures_of_skimage(path: Path) -> None:
    scan = verify(path)
    with Image.open(path) as picture:
        oracle = np.asarray(picture.convert("RGB" if scan.shape[0] == 3 else "L"))
    got = whole(scan)
    if scan.dtype == np.uint16:
        oracle = imagecodecs.png_decode(path.read_bytes())
    assert np.array_equal(got, oracle.reshape(got.shape))


# What is refused


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    columns: int, rows: int, bits: int, colour: int, data: bytes, *, interlace: int = 0
) -> bytes:
    head = struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"iCCP", b"profile\0\1unknown method"),
        chunk(b"tEXt", b"description\0" + b"x" * 2_000_000),
        chunk(b"acTL", bytes(8)),
    ],
    ids=["long text", "profile", "long plain text", "no frames"],
)
def test_no_chunk_beside_the_pixels_refuses_a_png(tmp_path: Path, bits: int, extra: bytes) -> None:
    """Pillow does not open the first ones; libpng ignores what it cannot read of them."""
    pixels = noise((5, 7, 3), f"u{bits // 8}")
    data = bytes(imagecodecs.png_encode(pixels))
    (tmp_path / "a").write_bytes(data[:33] + extra + data[33:])
    check(tmp_path / "a", pixels, "png")


def test_a_png_that_does_not_begin_with_its_header_is_refused(tmp_path: Path) -> None:
    data = bytes(imagecodecs.png_encode(noise((5, 7))))
    (tmp_path / "a").write_bytes(data[:8] + chunk(b"gAMA", bytes(4)) + data[8:])
    with pytest.raises(UnreadableScan, match="does not begin with its header"):
        open_scan(tmp_path / "a")


def encoded(kind: str) -> bytes:
    """A picture of many strips, blocks or lines, each kind with whatever its writer adds."""
    pixels = np.repeat(np.repeat(noise((40, 30, 3)), 4, 0), 4, 1)
    if kind == "png":
        return bytes(imagecodecs.png_encode(pixels))
    if kind == "jpeg":
        return bytes(imagecodecs.jpeg_encode(pixels, level=90))
    file = io.BytesIO()
    if kind == "jpeg-progressive":
        Image.fromarray(pixels).save(file, format="JPEG", progressive=True)
        return file.getvalue()
    if kind == "tiff":
        tifffile.imwrite(file, pixels, photometric="rgb", rowsperstrip=16)
    else:
        tifffile.imwrite(file, pixels, photometric="rgb", rowsperstrip=16, compression="zlib")
    return file.getvalue()


KINDS = ("png", "jpeg", "jpeg-progressive", "tiff", "tiff-zlib")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("left", [1, 2, 3, 9, 13, 40, 0.999, 0.99, 0.7, 0.3, 0.05, 0.005])
def test_a_picture_that_is_cut_off_is_refused(tmp_path: Path, kind: str, left: float) -> None:
    """`left` is the share that is left, or, from 1 on, how many bytes are missing at the end."""
    data = encoded(kind)
    path = tmp_path / "cut"
    path.write_bytes(data[: int(len(data) * left)] if left < 1 else data[: -int(left)])
    with pytest.raises(UnreadableScan) as error:
        verify(path)
    assert error.value.hint


@pytest.mark.parametrize("kind", ["tiff", "tiff-zlib"])
def test_a_tiff_whose_strips_lie_beyond_its_end_is_refused_from_its_tags(
    tmp_path: Path, kind: str
) -> None:
    """tifffile writes the tags first."""
    (tmp_path / "cut").write_bytes(encoded(kind)[:-1])
    with pytest.raises(UnreadableScan):
        open_scan(tmp_path / "cut")


@pytest.mark.parametrize("kind", ["png", "tiff-zlib"])
def test_a_picture_with_a_wrong_bit_in_its_data_is_refused(tmp_path: Path, kind: str) -> None:
    data = bytearray(encoded(kind))
    data[len(data) // 2] ^= 0x04
    (tmp_path / "bad").write_bytes(bytes(data))
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "bad")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_picture_is_refused_when_read_too(tmp_path: Path, kind: str) -> None:
    data = encoded(kind)
    (tmp_path / "cut").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UnreadableScan):
        whole(open_scan(tmp_path / "cut"))


def test_a_png_with_a_second_header_is_refused(tmp_path: Path) -> None:
    """Decoders take the size from the last header, 3 GB here; the limits saw the first one."""
    small = png(30, 10, 8, 2, zlib.compress(bytes(10 * 91)))
    large = png(32_000, 32_000, 8, 2, b"")
    (tmp_path / "a").write_bytes(small[:33] + large[8:33] + small[33:])
    for attempt in (open_scan, verify):
        with pytest.raises(UnreadableScan, match="more than one header"):
            attempt(tmp_path / "a")


@pytest.mark.parametrize("extra", [-1, 2_000_000, 100_000_000])
def test_a_png_whose_pixels_are_not_what_it_promises_is_refused(tmp_path: Path, extra: int) -> None:
    """Too few, too many, and a bomb; the memory stays flat."""
    data = zlib.compress(bytes(10 * 31 + extra))
    (tmp_path / "a").write_bytes(png(30, 10, 8, 0, data))
    tracemalloc.start()
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def too_large(kind: str) -> bytes:
    """60,000 x 60,000 in the header, and next to nothing behind it."""
    if kind == "png":
        return png(60_000, 60_000, 8, 2, zlib.compress(bytes(1000)))
    if kind.startswith("jpeg"):
        data = bytearray(encoded(kind))
        at = data.index(b"\xff\xc0" if kind == "jpeg" else b"\xff\xc2")  # SOF0, SOF2
        data[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
        return bytes(data)
    data = bytearray(encoded(kind))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tags = [file.pages[0].tags[name] for name in ("ImageWidth", "ImageLength")]
    for tag in tags:
        data[tag.valueoffset : tag.valueoffset + 2] = struct.pack("<H", 60_000)
    return bytes(data)


@pytest.mark.parametrize("kind", ["tiff", "tiff-zlib"])
def test_a_tiff_that_promises_far_more_than_it_holds_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "huge").write_bytes(too_large(kind))
    for attempt in (open_scan, verify):
        with pytest.raises(UnreadableScan):
            attempt(tmp_path / "huge")


@pytest.mark.parametrize("options", [{"tile": (32, 64)}, {"rowsperstrip": 8}])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_read_by_region_may_have_any_number_of_pixels(
    tmp_path: Path, options: dict[str, Any], compression: str | None
) -> None:
    pixels = noise((150, 170))
    tifffile.imwrite(tmp_path / "a", pixels, compression=compression, metadata=None, **options)
    scan = verify(tmp_path / "a", Limits(max_pixels=32 * 170))
    assert np.array_equal(whole(scan)[..., 0], pixels)
    with pytest.raises(ScanTooLarge):
        open_scan(tmp_path / "a", Limits(max_bytes=pixels.size - 1))


def test_a_packed_strip_too_large_to_decode_is_refused(tmp_path: Path) -> None:
    pixels = noise((150, 170))
    tifffile.imwrite(tmp_path / "a", pixels, compression="zlib", rowsperstrip=150)
    with pytest.raises(ScanTooLarge, match="25,500 pixels"):
        open_scan(tmp_path / "a", Limits(max_pixels=1000))


@pytest.mark.parametrize("unit", ["\u00b5m", "mm"])
def test_an_ome_tiff_tells_its_pixels_size(tmp_path: Path, unit: str) -> None:
    told = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    told |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", noise((20, 30)), tile=(16, 16), metadata=told)
    scale = 1.0 if unit == "mm" else 1e-3
    assert open_scan(tmp_path / "a.ome.tif").spacing_mm == pytest.approx(
        (0.25 * scale, 0.5 * scale)
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("tiff")])
def test_a_picture_over_the_limit_is_refused_from_its_header(tmp_path: Path, kind: str) -> None:
    (tmp_path / "huge").write_bytes(too_large(kind))
    for attempt in (open_scan, verify):
        with pytest.raises(ScanTooLarge, match="60,000 x 60,000") as error:
            attempt(tmp_path / "huge")
        assert error.value.hint


def test_the_limit_itself_passes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(encoded("png"))
    assert verify(tmp_path / "a", Limits(max_pixels=160 * 120, max_bytes=160 * 120 * 3))
    with pytest.raises(ScanTooLarge):
        open_scan(tmp_path / "a", Limits(max_pixels=160 * 120 - 1))
    with pytest.raises(ScanTooLarge):
        open_scan(tmp_path / "a", Limits(max_bytes=160 * 120 * 3 - 1))


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The files opened in the course of a test."""
    paths: list[str] = []
    noting = True

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if noting and event == "open" and isinstance(arguments[0], str):
            paths.append(arguments[0])

    sys.addaudithook(note)  # for good: there is no taking it back
    yield paths
    noting = False


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_tiff_names_other_files_in_vain(
    tmp_path: Path, opened: list[str], planes: int, absolute: bool
) -> None:
    other = tmp_path / "other.tif"
    tifffile.imwrite(other, noise((8, 9)), metadata=None)
    name = other if absolute else other.name
    uuids = ("1", "2")[:planes]
    parts = "".join(
        f'<TiffData FirstC="{n}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{uuid}</UUID></TiffData>'
        for n, uuid in enumerate(uuids)
    )
    described = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="9" SizeY="8"'
        f' SizeC="{planes}" SizeZ="1" SizeT="1">{parts}</Pixels></Image></OME>'
    )
    pixels = noise((8, 9)) // 2
    tifffile.imwrite(tmp_path / "a.tif", pixels, description=described, metadata=None)
    opened.clear()
    check(tmp_path / "a.tif", pixels, "tiff", warned=planes == 2)
    assert str(tmp_path / "a.tif") in opened
    assert not any(path.endswith(other.name) for path in opened)


def test_a_tiff_of_a_series_on_disk_is_read_alone(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "NDTiff.index").write_bytes(b"\0" * 64)
    entries = (
        *((256, 3, 9), (257, 3, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 256)),
        *((277, 3, 1), (278, 3, 8), (279, 4, 72)),
    )
    tags = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    tags += struct.pack("<HHII4x", 51123, 2, 8, 192) + b"{}"
    start = struct.pack("<2sHIIIIII2s", b"II", 42, 64, 483729, 3, 0, 2355492, 2, b"{}")
    start = start.ljust(64, b"\0") + struct.pack("<H", len(entries) + 1) + tags
    (tmp_path / "a.tif").write_bytes(start.ljust(256, b"\0") + noise((8, 9)).tobytes())
    opened.clear()
    check(tmp_path / "a.tif", noise((8, 9)), "tiff")
    assert not any(path.endswith("NDTiff.index") for path in opened)


def test_several_pictures_in_a_file_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(noise((8, 9, 3))), Image.fromarray(255 - noise((8, 9, 3)))]
    for kind in ("png", "tiff", "gif", "webp"):
        pages[0].save(tmp_path / kind, format=kind, save_all=True, append_images=pages[1:])
    tifffile.imwrite(tmp_path / "stack", noise((5, 8, 9)), photometric="minisblack")
    tifffile.imwrite(tmp_path / "imagej", noise((5, 8, 9)), imagej=True)
    for path in tmp_path.iterdir():
        with pytest.raises(UnsupportedScan) as error:
            open_scan(path)
        assert error.value.hint


def test_pictures_of_other_kinds_are_refused(tmp_path: Path) -> None:
    Image.fromarray(noise((8, 9, 4)), "CMYK").save(tmp_path / "cmyk.jpg", format="JPEG")
    tifffile.imwrite(tmp_path / "complex.tif", np.ones((8, 9), complex), metadata=None)
    tifffile.imwrite(tmp_path / "five.tif", noise((8, 9, 5)), photometric="minisblack",
                     planarconfig="contig", metadata=None)  # fmt: skip
    for path in tmp_path.iterdir():
        with pytest.raises(UnsupportedScan) as error:
            open_scan(path)
        assert error.value.hint


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(KINDS),
    flips=st.lists(st.tuples(st.integers(4, 700), st.integers(0, 255)), min_size=1, max_size=5),
    tail=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 255)), max_size=3),
)
def test_no_damage_brings_another_exception(
    tmp_path_factory: pytest.TempPathFactory, kind: str, flips: list[Any], tail: list[Any]
) -> None:
    data = bytearray(encoded(kind))
    for at, byte in flips:
        data[at] = byte
    for at, byte in tail:
        data[-at] = byte
    path = tmp_path_factory.getbasetemp() / f"fuzz-{kind}"
    path.write_bytes(bytes(data))
    for attempt in (verify, lambda p, limits: whole(open_scan(p, limits))):
        with contextlib.suppress(TesseraError):
            attempt(path, Limits(max_pixels=1 << 22))


# Masks and volumes of pictures


@pytest.mark.parametrize(("largest", "dtype"), [(0, "u1"), (255, "u1"), (256, "u2"), (65535, "u2")])
def test_a_png_mask_holds_label_numbers(tmp_path: Path, largest: int, dtype: str) -> None:
    mask = np.zeros((5, 8), np.uint32)
    mask[1, 2:5], mask[4, 7] = min(largest, 3), largest
    write_mask_png(tmp_path / "m.png", mask)
    written = imagecodecs.png_decode((tmp_path / "m.png").read_bytes())
    assert written.dtype == np.dtype(dtype)
    assert np.array_equal(written, mask)
    first = (tmp_path / "m.png").read_bytes()
    write_mask_png(tmp_path / "m.png", np.asfortranarray(mask))
    assert (tmp_path / "m.png").read_bytes() == first


def test_a_png_mask_holds_65535_objects_and_no_volume(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="nifti"):
        write_mask_png(tmp_path / "m.png", np.full((3, 3), 65536, np.uint32))
    with pytest.raises(BadRequest, match="nifti"):
        write_mask_png(tmp_path / "m.png", np.ones((3, 3, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_picture_stands_upright_in_a_viewer(tmp_path: Path, dtype: str, samples: int) -> None:
    """Where x grows to the right and y upwards, the first row is at the top."""
    nib = pytest.importorskip("nibabel")
    pixels = noise((6, 9, samples), dtype)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels.squeeze())))
    scan = open_scan(tmp_path / "a.png")
    mask = (pixels[..., 0] > 99).astype(np.uint8)

    write_volume(tmp_path / "v.nii.gz", scan)
    write_mask_volume(tmp_path / "m.nii.gz", mask, scan)

    volume, label = nib.load(tmp_path / "v.nii.gz"), nib.load(tmp_path / "m.nii.gz")
    assert volume.shape == label.shape == (9, 6, 1)
    assert np.array_equal(volume.affine, label.affine)
    assert (np.diag(volume.affine) > 0).all()
    got, labels = np.asarray(volume.dataobj), np.asarray(label.dataobj)
    for row in range(6):
        for column in range(9):
            value = got[column, 5 - row, 0]
            expected = pixels[row, column]
            if samples == 3:
                assert value.tolist() == tuple((expected >> (8 if dtype == "u2" else 0)).tolist())
            else:
                assert value == expected[0]
            assert labels[column, 5 - row, 0] == mask[row, column]


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_a_pictures_upright_mask_is_read_and_delivered(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(noise((6, 9))))
    mask = noise((6, 9)).astype(np.uint32) + 70_000
    write_mask_volume(tmp_path / "mask.nii.gz", mask, open_scan(tmp_path / "a.png"))
    made = tmp_path / f"made{ending}"
    mask_file.deliver(tmp_path / "mask.nii.gz", tmp_path / "a.png", made)
    assert np.array_equal(mask_file.read(made, dimension=2), mask)
    assert mask_file.read(made).shape == (9, 6, 1)
    with pytest.raises(BadRequest, match="nifti"):
        mask_file.deliver(tmp_path / "mask.nii.gz", tmp_path / "a.png", tmp_path / "made.png")
    small = mask % 300
    write_mask_volume(tmp_path / "mask.nii.gz", small, open_scan(tmp_path / "a.png"))
    mask_file.deliver(tmp_path / "mask.nii.gz", tmp_path / "a.png", tmp_path / "made.png")
    assert np.array_equal(mask_file.read(tmp_path / "made.png", dimension=2), small)


def test_a_pictures_mask_as_nifti_has_its_rows_and_columns(tmp_path: Path) -> None:
    nib = pytest.importorskip("nibabel")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(noise((6, 9))))
    scan = open_scan(tmp_path / "a.png")
    mask = noise((6, 9)) % 3
    write_mask(tmp_path / "m.nii.gz", mask, scan)
    written = nib.load(tmp_path / "m.nii.gz")
    assert np.array_equal(np.asarray(written.dataobj)[..., 0], mask)
    assert np.array_equal(written.affine, scan.affine)
