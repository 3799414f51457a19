"""De-identified images: planted marks are searched for in every byte of what is stored."""

import io
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image, PngImagePlugin

from imaging.box import Box
from imaging.errors import BadRequest, UnreadableScan
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify

RANDOM = np.random.default_rng(41)
PIXELS = np.repeat(np.repeat(RANDOM.integers(0, 250, (12, 16, 3)), 16, 0), 16, 1).astype(np.uint8)
MARK = b"PLANTED"
PHOTOGRAPH = np.full((48, 64, 3), 251, np.uint8)
PHOTOGRAPH[10:20, 10:50] = 3


def deidentified(path: Path, folder: Path, **more: Any) -> IncomingScan:
    selection = ScanSelection(deidentify=True, **more)
    (scan,), _ = incoming_scans([path], folder, Limits(), selection)
    return scan


def pixels(path: Path) -> np.ndarray:
    scan = verify(path)
    return np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)


def check(path: Path, folder: Path) -> bytes:
    """The de-identified file; its pixels are those of the file, and no mark is left."""
    assert MARK in path.read_bytes()
    scan = deidentified(path, folder)
    data = scan.path.read_bytes()
    assert MARK not in data
    assert MARK not in inflated(data)
    assert scan.name
    assert MARK.decode() not in scan.name
    assert np.array_equal(pixels(scan.path), pixels(path))
    return data


def inflated(data: bytes) -> bytes:
    """All zlib streams in a file, decompressed."""
    out = b""
    for at in (n for n in range(len(data) - 1) if data[n] == 0x78):
        stream = zlib.decompressobj()
        try:
            out += stream.decompress(data[at:], 1 << 20)
        except zlib.error:
            continue
    return out


def jpeg_with_marks(**options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = MARK.decode()
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(
        file, "JPEG", exif=exif, comment=MARK, icc_profile=MARK, quality=90, **options
    )
    plain = file.getvalue()
    private = b"\xff\xef" + (len(MARK) + 2).to_bytes(2, "big") + MARK
    return plain[:2] + private + plain[2:] + MARK


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_jpeg(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg_with_marks(**options))
    data = check(tmp_path / "a.jpg", tmp_path)
    oracle = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), oracle)


def test_a_jpeg_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    data = jpeg_with_marks()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UnreadableScan):
        deidentified(tmp_path / "a.jpg", tmp_path)


def test_png(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", MARK.decode())
    texts.add_text("Description", MARK.decode() * 50, zip=True)
    exif = Image.Exif()
    exif[0x010E] = MARK.decode()
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=texts, exif=exif)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes() + MARK)
    check(tmp_path / "a.png", tmp_path)


def svs(path: Path, compression: str) -> None:
    """A slide with marks in its description, its private tags and the JPEG of its label."""
    mark = MARK.decode()
    text = f"Aperio Image Library v11.2.1\n256x192 (64x64) JPEG|MPP = 0.5|Patient = {mark}"
    tiles: dict[str, Any] = {
        "photometric": "rgb", "tile": (64, 64), "compression": compression, "metadata": None,
        "description": text, "software": mark, "datetime": "2020:01:01 00:00:00",
        "extratags": [(315, 2, None, mark, True), (65000, 1, None, MARK, True),
                      (34675, 7, None, MARK, True)],
    }  # fmt: skip
    photograph: dict[str, Any] = {"photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(PIXELS, **tiles)
        tiff.write(PIXELS[::8, ::8], **photograph)
        tiff.write(PIXELS[::4, ::4], **tiles)
        tiff.write(PHOTOGRAPH, subfiletype=1, description=f"{text}\nlabel 64x48", **photograph)
        tiff.write(PHOTOGRAPH, subfiletype=9, description=f"{text}\nmacro 64x48", **photograph)
    path.write_bytes(path.read_bytes() + MARK)


@pytest.mark.parametrize("compression", ["jpeg", "lzw", "zlib", "jpeg2000"])
def test_a_slide_without_its_label(tmp_path: Path, compression: str) -> None:
    svs(tmp_path / "a.svs", compression)
    check(tmp_path / "a.svs", tmp_path)
    copy = deidentified(tmp_path / "a.svs", tmp_path).path
    with tifffile.TiffFile(copy) as file:
        assert len(file.pages) == 1
        page = file.pages.first
        assert page.subifds is None
        allowed = {254, 256, 257, 258, 259, 262, 270, 277, 282, 283, 284, 296, 305, 322, 323, 324,
                   325, 339, 347, 530, 532, 317}  # fmt: skip
        assert {tag.code for tag in page.tags} <= allowed
    assert open_scan(copy).spacing_mm == pytest.approx((5e-4, 5e-4))
    row = PHOTOGRAPH[15, 5:55].tobytes()
    assert row in (tmp_path / "a.svs").read_bytes()
    assert row not in copy.read_bytes()
    assert row not in inflated(copy.read_bytes())


def test_comments_in_jpeg_tiles_are_removed(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS[:64, :64]).save(file, "JPEG", comment=MARK, subsampling=0, quality=90)
    stream = file.getvalue()
    tifffile.imwrite(
        tmp_path / "a.tif", iter([stream] * 4), shape=(128, 128, 3), dtype=np.uint8, tile=(64, 64),
        photometric="ycbcr", compression="jpeg", subsampling=(1, 1), metadata=None,
    )  # fmt: skip
    data = check(tmp_path / "a.tif", tmp_path)
    assert len(data) < 2 * (tmp_path / "a.tif").stat().st_size


def test_a_jpeg_tile_of_each_component(tmp_path: Path) -> None:
    """One JPEG for each component is not copied as if it were the whole colour."""
    colour = np.array((40, 120, 220), np.uint8)
    tiles = [
        bytes(imagecodecs.jpeg_encode(np.full((64, 64), n, np.uint8), level=95)) for n in colour
    ]
    tifffile.imwrite(
        tmp_path / "a.tif", iter(tiles), shape=(3, 64, 64), dtype=np.uint8, tile=(64, 64),
        compression="jpeg", photometric="rgb", planarconfig="separate", metadata=None,
    )  # fmt: skip
    copy = deidentified(tmp_path / "a.tif", tmp_path)
    assert np.array_equal(pixels(copy.path), np.broadcast_to(colour, (64, 64, 3)))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_channel_of_jpeg_tiles_that_hold_all_channels(tmp_path: Path, number: int) -> None:
    values = (40, 120, 220)
    tile = imagecodecs.jpeg_encode(
        np.full((64, 64, 3), values, np.uint8), level=95, colorspace="RGB", outcolorspace="RGB"
    )
    tifffile.imwrite(
        tmp_path / "a.tif", iter([bytes(tile)]), shape=(64, 64, 3), dtype=np.uint8, tile=(64, 64),
        compression="jpeg", photometric="minisblack", planarconfig="contig", metadata=None,
        extrasamples=("unspecified", "unspecified"),
    )  # fmt: skip
    copy = deidentified(tmp_path / "a.tif", tmp_path, volume=number)
    assert np.array_equal(pixels(copy.path), np.full((64, 64, 1), values[number - 1]))


def test_a_part_and_a_stack(tmp_path: Path) -> None:
    stack = RANDOM.integers(0, 60_000, (2, 3, 20, 30)).astype(np.uint16)
    facts = {"axes": "CZYX", "Description": MARK.decode(), "PhysicalSizeX": 2.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata=facts)
    assert MARK in (tmp_path / "a.ome.tif").read_bytes()
    scan = deidentified(tmp_path / "a.ome.tif", tmp_path, volume=2)
    assert MARK not in scan.path.read_bytes()
    assert np.array_equal(tifffile.imread(scan.path), stack[1])
    assert scan.name == "channel 2 of 2"


def test_a_format_without_rules_is_refused(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    with pytest.raises(BadRequest, match="OME-Zarr") as error:
        deidentified(tmp_path / "a.zarr", tmp_path)
    assert "TIFF" in str(error.value.expected)
