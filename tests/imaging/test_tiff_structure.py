"""Directories of a TIFF that a parser must not follow."""

import io
import struct
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.box import Box
from imaging.errors import ScanTooLarge, UnreadableScan, UnsupportedScan
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.formats.tiff.read import list_parts
from tests.support import tiff_files

PIXELS = np.arange(80, dtype=np.uint8).reshape(8, 10)


def file_of(pages: int = 1, **tags: object) -> bytearray:
    return bytearray(tiff_files.tiff(*[tiff_files.page(PIXELS, 8, 1, **tags)] * pages))


def directories(data: bytes | bytearray) -> list[tuple[int, int]]:
    """Where each directory begins, and where the offset of the next one is."""
    found, link = [], 4
    while at := struct.unpack_from("<I", data, link)[0]:
        link = at + 2 + 12 * struct.unpack_from("<H", data, at)[0]
        found.append((at, link))
    return found


@pytest.mark.parametrize("back", [0, 1, 2])
def test_a_circle_of_directories_is_refused(tmp_path: Path, back: int) -> None:
    data = file_of(3)
    places = directories(data)
    struct.pack_into("<I", data, places[-1][1], places[back][0])
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnreadableScan, match="circle"):
        open_scan(tmp_path / "a")


def test_a_tag_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    data = file_of(tag_270="a description of the image")
    entry = next(
        at
        for at in range(directories(data)[0][0] + 2, len(data), 12)
        if struct.unpack_from("<H", data, at)[0] == tiff_files.DESCRIPTION
    )
    struct.pack_into("<I", data, entry + 4, 1 << 31)
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnreadableScan, match="larger than the file"):
        open_scan(tmp_path / "a")


@pytest.mark.parametrize("count", [4097, 65535])
def test_a_directory_with_too_many_tags_is_refused(tmp_path: Path, count: int) -> None:
    data = file_of()
    struct.pack_into("<H", data, directories(data)[0][0], count)
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnreadableScan, match="too many entries"):
        open_scan(tmp_path / "a")


def test_very_many_subifds_are_refused(tmp_path: Path) -> None:
    tags, strips = tiff_files.page(PIXELS, 8, 1)
    tags[tiff_files.SUBIFDS] = [8] * 100_001
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags, strips)))
    with pytest.raises(UnsupportedScan, match="100,000"):
        open_scan(tmp_path / "a")


def test_bytes_after_the_image_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(file_of()) + bytes(1000))
    assert np.array_equal(verify(tmp_path / "a").read(Box.whole(PIXELS.shape))[0], PIXELS)


@pytest.mark.parametrize(
    "text",
    [
        (
            '<?xml version="1.0"?><OME xmlns="x"><Image><Pixels SizeX="10" SizeY="8" SizeZ="1" '
            'SizeC="1" SizeT="100000000" Type="uint8" DimensionOrder="XYCZT"><TiffData/></Pixels>'
            "</Image></OME>"
        ),
        (
            '<?xml version="1.0"?><OME xmlns="x"><Image><Pixels Name="a>b" SizeX="10" SizeY="8" '
            "SizeZ='1' SizeC='1' SizeT='100&#48;00000' Type='uint8' DimensionOrder='XYCZT'>"
            "<TiffData/></Pixels></Image></OME>"
        ),
        (
            '<?xml version="1.0"?><OME xmlns="x"><Image><Pixels SizeX="10" SizeY="8" SizeZ="1" '
            'SizeC="1" SizeT="1" Type="uint8" DimensionOrder="XYCZT"><TiffData PlaneCount='
            '"100000000"/></Pixels></Image></OME>'
        ),
        (
            '<?xml version="1.0"?><OME xmlns="x"><StructuredAnnotations><XMLAnnotation ID="a" '
            'Namespace="openmicroscopy.org/omero/dimension/modulo"><Value><Modulo><ModuloAlongZ '
            'Start="0" End="100000000"/></Modulo></Value></XMLAnnotation></StructuredAnnotations>'
            "</OME>"
        ),
        '{"shape": [100000000, 8, 10]}',
        "ImageJ=1.54f\nimages=1000000000\nslices=1000000000\n",
    ],
)
def test_a_description_of_far_too_many_planes_is_refused(tmp_path: Path, text: str) -> None:
    """The parser would make room for all of them: 6 GB in 40 seconds."""
    (tmp_path / "a").write_bytes(file_of(2, tag_270=text))
    with pytest.raises(UnreadableScan, match="planes"):
        open_scan(tmp_path / "a")


def test_a_description_of_tags_without_an_end_takes_no_time(tmp_path: Path) -> None:
    """A search of unbounded length from each of them took minutes."""
    (tmp_path / "a").write_bytes(file_of(1, tag_270="<Pixels " * 100_000 + "<OME>"))
    start = time.perf_counter()
    assert open_scan(tmp_path / "a").grid == PIXELS.shape
    assert time.perf_counter() - start < 5


def test_very_many_sizes_of_pages_are_refused(tmp_path: Path) -> None:
    """The search for a pyramid between them would take minutes."""
    pages = [tiff_files.page(np.zeros((1, n), np.uint8), 8, 1) for n in range(1, 300)]
    (tmp_path / "a").write_bytes(tiff_files.tiff(*pages))
    with pytest.raises(UnsupportedScan, match="more than 256 images"):
        open_scan(tmp_path / "a")


@pytest.mark.parametrize(
    ("compression", "kind", "options"),
    [(7, "JPEG", {}), (34933, "PNG", {}), (50001, "WEBP", {"lossless": True, "method": 0}),
     (34712, "JPEG2000", {"irreversible": False})],
)  # fmt: skip
def test_a_tile_that_states_far_more_pixels_is_not_decoded(
    tmp_path: Path, compression: int, kind: str, options: dict[str, object]
) -> None:
    """A few hundred bytes of JPEG 2000 took 2 GB and half a minute."""
    stream = io.BytesIO()
    Image.new("RGB", (900, 800)).save(stream, kind, **options)
    with pytest.raises(UnreadableScan, match="larger than its tags"):
        verify(tile_file(tmp_path / "a", compression, stream.getvalue()))


LARGE = np.zeros((800, 900, 3), np.uint8)
JPEG = bytes(imagecodecs.jpeg_encode(LARGE, level=5))
STREAMS = {
    "JPEG, a byte before SOF": (7, JPEG.replace(b"\xff\xc0", b"\0\xff\xc0", 1)),
    "JPEG XL": (50002, bytes(imagecodecs.jpegxl_encode(LARGE, lossless=True, effort=1))),
    "JPEG XL in boxes": (
        52546,
        bytes(imagecodecs.jpegxl_encode(LARGE, lossless=True, effort=1, usecontainer=True)),
    ),
    "JPEG XR": (34934, bytes(imagecodecs.jpegxr_encode(LARGE))),
    "LERC": (34887, bytes(imagecodecs.lerc_encode(LARGE))),
}


def tile_file(path: Path, compression: int, stream: bytes, edge: int = 16) -> Path:
    """An RGB image of one tile."""
    tags, _ = tiff_files.page(np.zeros((edge, edge, 3), np.uint8), 8, 2)
    tags |= {tiff_files.COMPRESSION: compression, 322: edge, 323: edge}
    del tags[tiff_files.ROWS_PER_STRIP]
    path.write_bytes(tiff_files.tiff((tags, [stream])))
    return path


@pytest.mark.parametrize("kind", STREAMS)
def test_the_size_of_every_kind_of_stream_is_checked(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnreadableScan, match="larger than its tags"):
        verify(tile_file(tmp_path / "a", *STREAMS[kind]))


@pytest.mark.parametrize("shape", [(64, 64), (40, 64), (60, 45), (8, 264), (300, 200)])
@pytest.mark.parametrize("compression", ["jpegxl", "jpegxr", "lerc", "jpeg"])
def test_streams_of_the_size_of_the_image_are_read(
    tmp_path: Path, shape: tuple[int, int], compression: str
) -> None:
    """JPEG XL states some sizes as multiples of eight, or as a ratio."""
    pixels = np.random.default_rng(4).integers(0, 255, (*shape, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a", pixels, compression=compression, rowsperstrip=shape[0],
                     photometric="rgb", metadata=None)  # fmt: skip
    assert verify(tmp_path / "a").grid == shape


@pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("compression", [7, 34934])
def test_a_tile_that_is_cut_off_is_refused(tmp_path: Path, compression: int, left: float) -> None:
    """The decoders of JPEG and JPEG XR fill in what is missing."""
    pixels = np.random.default_rng(4).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    encode = imagecodecs.jpeg_encode if compression == 7 else imagecodecs.jpegxr_encode
    stream = bytes(encode(pixels))
    assert verify(tile_file(tmp_path / "a", compression, stream, 64)).grid == (64, 64)
    with pytest.raises(UnreadableScan, match="cut off"):
        verify(tile_file(tmp_path / "a", compression, stream[: int(left * len(stream))], 64))


def test_each_of_many_channels_counts(tmp_path: Path) -> None:
    """A tile of 1,000 channels takes the memory of 1,000 images."""
    tags, _ = tiff_files.page(np.zeros((16, 16, 1), np.uint8), 8, 1)
    tags |= {tiff_files.SAMPLES: 1000, 258: [8] * 1000, 338: [0] * 999, 322: 1024, 323: 1024,
             tiff_files.COMPRESSION: 8, 256: 1024, 257: 1024}  # fmt: skip
    del tags[tiff_files.ROWS_PER_STRIP]
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags, [b""])))
    with pytest.raises(ScanTooLarge, match="1,048,576,000"):
        list_parts(tmp_path / "a", Limits())


def test_a_negative_number_of_samples_is_refused(tmp_path: Path) -> None:
    """tifffile counts the pages by it, and never comes to the end."""
    data = file_of(tag_270='{"shape": [8, 10, 1]}')
    entry = data.index((277).to_bytes(2, "little") + (3).to_bytes(2, "little"))
    data[entry + 2], data[entry + 8] = 6, 255  # SBYTE -1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnreadableScan, match="sign"):
        open_scan(tmp_path / "a")


def test_a_preview_in_a_jpeg_stream_is_left_out(tmp_path: Path) -> None:
    """As Exif has it: a directory that states nothing but the place of the stream."""
    jpeg = bytes(imagecodecs.jpeg_encode(np.repeat(PIXELS[..., None], 3, 2)))
    tags, strips = tiff_files.page(PIXELS, 8, 1)
    tags[tiff_files.SUBIFDS] = 8
    at = len(tiff_files.tiff((tags, strips)))
    tags[tiff_files.SUBIFDS] = at
    entries = struct.pack("<HHIIHHIII", 513, 4, 1, at + 30, 514, 4, 1, len(jpeg), 0)
    data = tiff_files.tiff((tags, strips)) + struct.pack("<H", 2) + entries + jpeg
    (tmp_path / "a").write_bytes(data)
    with tifffile.TiffFile(tmp_path / "a") as file:
        assert [one.shape for one in file.series] == [(8, 10), (8, 10, 3)]
    scan = verify(tmp_path / "a")
    assert np.array_equal(scan.read(Box.whole(PIXELS.shape))[0], PIXELS)
    assert scan.warnings == ("The file holds other images, which are not read: thumbnail.",)


def test_too_many_channels_are_not_called_volumes(tmp_path: Path) -> None:
    tags, strips = tiff_files.page(np.zeros((1, 1, 1), np.uint8), 8, 1)
    tags |= {tiff_files.SAMPLES: 20_000, 258: [8] * 20_000, 338: [0] * 19_999}
    (tmp_path / "a").write_bytes(tiff_files.tiff((tags, strips)))
    with pytest.raises(ScanTooLarge, match="20,000 images and channels"):
        open_scan(tmp_path / "a")
