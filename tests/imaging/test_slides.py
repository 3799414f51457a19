"""Whole-slide images: the image in full resolution is found between its levels and photographs."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imaging.box import Box
from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.sniff import open_scan, verify
from tests.support.slides import (
    HALF,
    LABEL,
    QUARTER,
    SLIDE,
    STRIPS,
    TILED,
    aperio,
    ndpi,
    philips,
    slide,
    ventana,
)


def check(path: Path, spacing: tuple[float, float] | None = None) -> None:
    """The scan is what tifffile decodes of the first page."""
    scan = verify(path)
    assert scan.grid == SLIDE.shape[:2]
    with tifffile.TiffFile(path) as file:
        oracle = file.pages[0].asarray()
    assert np.array_equal(np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1), oracle)
    part = open_scan(path).read(Box((100, 70), (210, 300)))
    assert np.array_equal(np.moveaxis(part, 0, -1), oracle[100:210, 70:300])
    assert scan.spacing_mm == (None if spacing is None else pytest.approx(spacing, rel=1e-9))


def test_levels_as_reduced_pages(tmp_path: Path) -> None:
    """As libvips writes them: NewSubfileType 1, a page for each level."""
    check(
        slide(
            tmp_path,
            (SLIDE, TILED | {"resolution": (20_000, 20_000), "resolutionunit": 3}),
            (HALF, TILED | {"subfiletype": 1}),
            (QUARTER, TILED | {"subfiletype": 1}),
            (SLIDE[:3, :7], TILED | {"subfiletype": 1}),
        ),
        (5e-4, 5e-4),
    )


def test_levels_as_pages_without_a_flag(tmp_path: Path) -> None:
    check(slide(tmp_path, (SLIDE, TILED), (HALF, TILED), (QUARTER, TILED)))


def test_levels_as_subifds(tmp_path: Path) -> None:
    check(
        slide(
            tmp_path,
            (SLIDE, TILED | {"subifds": 2}),
            (HALF, TILED | {"subfiletype": 1}),
            (QUARTER, TILED | {"subfiletype": 1}),
            big=True,
        )
    )


def test_aperio_svs(tmp_path: Path) -> None:
    check(aperio(tmp_path), (4.99e-4, 4.99e-4))


def test_philips_tiff(tmp_path: Path) -> None:
    path = philips(tmp_path)
    with tifffile.TiffFile(path) as file:
        assert file.is_philips
    check(path, (5e-4, 2.5e-4))


def test_ventana_bif(tmp_path: Path) -> None:
    path = ventana(tmp_path, "0")
    with tifffile.TiffFile(path) as file:
        assert file.is_bif
        oracle = file.pages[1].asarray()
    scan = verify(path)
    assert scan.spacing_mm == pytest.approx((2.5e-4, 2.5e-4))
    assert np.array_equal(np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1), oracle)
    with pytest.raises(UnsupportedScan, match="overlap"):
        open_scan(ventana(tmp_path, "102"))


def test_images_of_different_sizes_are_not_a_pyramid(tmp_path: Path) -> None:
    path = slide(tmp_path, (SLIDE, STRIPS), (SLIDE[:100, :90], STRIPS))
    with pytest.raises(UnsupportedScan, match="page 1 of 2"):
        open_scan(path)


def test_hamamatsu_ndpi(tmp_path: Path) -> None:
    oracle = ndpi(tmp_path / "a")
    with tifffile.TiffFile(tmp_path / "a") as file:
        assert file.is_ndpi
        assert file.pages.first.is_tiled
    scan = verify(tmp_path / "a")
    assert scan.spacing_mm == pytest.approx((5e-4, 5e-4))
    assert np.array_equal(np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1), oracle)
    part = open_scan(tmp_path / "a").read(Box((10, 100), (30, 200)))
    assert np.array_equal(np.moveaxis(part, 0, -1), oracle[10:30, 100:200])


@pytest.mark.parametrize("start", [1 << 31, (1 << 32) - 1])
def test_an_ndpi_whose_intervals_begin_beyond_the_file_is_refused(
    tmp_path: Path, start: int
) -> None:
    """tifffile takes the first offset for the size of the JPEG's header."""
    ndpi(tmp_path / "a")
    data = bytearray((tmp_path / "a").read_bytes())
    with tifffile.TiffFile(tmp_path / "a", is_ndpi=True) as file:
        at = file.pages.first.tags[65426].valueoffset
    data[at : at + 4] = start.to_bytes(4, "little")
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "a")


@pytest.mark.parametrize("name", ["Macrophages", "MAPK", "MAP2", "Map", "Labels", "Overviews"])
def test_an_image_whose_name_only_begins_like_a_photograph_is_read(
    tmp_path: Path, name: str
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        for text in (name, "DAPI"):
            tiff.write(SLIDE[..., 0], metadata={"axes": "YX", "Name": text})
    with pytest.raises(UnsupportedScan, match="2 images"):
        open_scan(tmp_path / "a.ome.tif")


@pytest.mark.parametrize(
    ("name", "reported"),
    [("label image", "label"), ("Macro", "macro"), ("Label_Image", "label"), ("overview", "over")],
)
def test_images_that_are_left_out_are_reported(tmp_path: Path, name: str, reported: str) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        for text, pixels in ((name, LABEL[..., 0]), ("DAPI", SLIDE[..., 0])):
            tiff.write(pixels, metadata={"axes": "YX", "Name": text})
    scan = verify(tmp_path / "a.ome.tif")
    assert np.array_equal(scan.read(Box.whole(scan.grid))[0], SLIDE[..., 0])
    assert any(f"not read: {reported}" in text for text in scan.warnings)


def test_the_photographs_of_a_slide_are_reported_and_its_levels_are_not(tmp_path: Path) -> None:
    reported = "The file holds other images, which are not read: label, macro, thumbnail."
    assert reported in open_scan(aperio(tmp_path)).warnings
    levels = slide(tmp_path, (SLIDE, TILED), (HALF, TILED | {"subfiletype": 1}))
    assert not any("not read" in text for text in open_scan(levels).warnings)


def test_a_mask_of_the_image_is_reported(tmp_path: Path) -> None:
    pages = (SLIDE, STRIPS), (SLIDE[..., 0] > 99, {"subfiletype": 4, "metadata": None})
    warnings = open_scan(slide(tmp_path, *pages)).warnings
    assert any(text.endswith("not read: mask.") for text in warnings)


def test_an_ndpi_above_4_gib(tmp_path: Path) -> None:
    """Its directories are beyond 4 GiB: the upper half of an offset is stored apart."""
    pixels, at = SLIDE[:16, :16, 0], (1 << 32) + 1000
    entries = [(254, 4, 0), (256, 4, 16), (257, 4, 16), (258, 3, 8), (259, 3, 1), (262, 3, 1),
               (273, 4, 5000), (277, 3, 1), (278, 4, 16), (279, 4, 256), (65420, 4, 1)]  # fmt: skip
    with (tmp_path / "a").open("wb") as file:  # a sparse file, which takes a few blocks
        file.write(b"II*\0" + struct.pack("<Q", at))
        file.seek(1000)
        file.write(struct.pack("<H", 0x5CA7) * 64)  # where the lower half of the offset leads
        file.seek(5000)
        file.write(pixels.tobytes())
        file.seek(at)
        file.write(struct.pack("<H", len(entries)))
        file.writelines(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
        file.write(bytes(8 + 4 * len(entries)))
    scan = verify(tmp_path / "a")
    assert np.array_equal(scan.read(Box.whole(scan.grid))[0], pixels)
