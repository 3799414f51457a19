"""Whole-slide images: the image in full resolution is found between its levels and photographs."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.box import Box
from imaging.errors import UnsupportedScan
from imaging.formats.sniff import open_scan, verify
from tests.support import tiff_files

RANDOM = np.random.default_rng(5)
SLIDE = np.repeat(np.repeat(RANDOM.integers(0, 255, (20, 28, 3)), 16, 0), 16, 1).astype(np.uint8)
HALF, QUARTER = SLIDE[::2, ::2], SLIDE[::4, ::4]
LABEL = np.full((50, 40, 3), 200, np.uint8)
MACRO = np.full((60, 130, 3), 100, np.uint8)
TILED: dict[str, Any] = {
    "photometric": "rgb", "tile": (64, 64), "compression": "jpeg", "metadata": None,
    "compressionargs": {"level": 95},
}  # fmt: skip
STRIPS: dict[str, Any] = {"photometric": "rgb", "metadata": None, "compression": "lzw"}


def slide(path: Path, *pages: tuple[np.ndarray, dict[str, Any]], big: bool = False) -> Path:
    with tifffile.TiffWriter(path / "slide.tif", bigtiff=big) as tiff:
        for pixels, options in pages:
            tiff.write(pixels, **options)
    return path / "slide.tif"


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


def aperio(path: Path) -> Path:
    """The order of an SVS: image, thumbnail, levels, label, macro."""
    text = "Aperio Image Library v11.2.1\n448x320 [0,0 448x320] (64x64) JPEG/RGB Q=70"
    described = TILED | {"description": f"{text}|AppMag = 20|MPP = 0.4990|ScanScope ID = X"}
    return slide(
        path,
        (SLIDE, described),
        (QUARTER[::2, ::2], STRIPS | {"description": text}),
        (QUARTER, described),
        (LABEL, STRIPS | {"subfiletype": 1, "description": f"{text}\nlabel 40x50"}),
        (MACRO, STRIPS | {"subfiletype": 9, "description": f"{text}\nmacro 130x60"}),
    )


def test_aperio_svs(tmp_path: Path) -> None:
    check(aperio(tmp_path), (4.99e-4, 4.99e-4))


def test_philips_tiff(tmp_path: Path) -> None:
    xml = (
        '<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">'
        '<Attribute Name="PIM_DP_SCANNED_IMAGES" Group="0x301D" Element="0x1003" PMSVR="IDataObject'
        'Array"><Array><DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE" '
        'Group="0x301D" Element="0x1004" PMSVR="IString">WSI</Attribute>'
        '<Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030" PMSVR="IDoubleArray"'
        '>"0.0005" "0.00025"</Attribute></DataObject></Array></Attribute></DataObject>'
    )
    path = slide(
        tmp_path,
        (SLIDE, TILED | {"description": xml, "software": "Philips DP v1.0"}),
        (HALF, TILED | {"subfiletype": 1, "description": "level=1"}),
        (MACRO, STRIPS | {"description": "Macro -offset=(0,0)-pixelspacing=(0.0315,0.0315)"}),
        (LABEL, STRIPS | {"description": "Label -offset=(0,0)-pixelspacing=(0.0315,0.0315)"}),
    )
    with tifffile.TiffFile(path) as file:
        assert file.is_philips
    check(path, (5e-4, 2.5e-4))


def xmp(text: str) -> dict[str, Any]:
    return {"extratags": [(700, 1, None, text.encode(), True)]}


def ventana(path: Path, overlap: str) -> Path:
    tiles = (
        '<EncodeInfo Ver="2"><SlideStitchInfo><ImageInfo Width="448" Height="320"><TileJointInfo '
        f'FlagJoined="1" Direction="LEFT" Tile1="1" Tile2="2" OverlapX="{overlap}" OverlapY="0"/>'
        "</ImageInfo></SlideStitchInfo></EncodeInfo>"
    )
    scanner = '<Metadata><iScan ScannerModel="X" ScanRes="0.25" LabelImage="1"/></Metadata>'
    return slide(
        path,
        (LABEL, STRIPS | {"description": "Label_Image", **xmp(scanner)}),
        (SLIDE, TILED | {"description": "level=0 mag=40 quality=95", **xmp(tiles)}),
        (HALF, TILED | {"description": "level=1 mag=20 quality=95"}),
        big=True,
    )  # fmt: skip


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
    with pytest.raises(UnsupportedScan, match="image 1 of 2"):
        open_scan(path)


def ndpi(path: Path) -> np.ndarray:
    """A slide as Hamamatsu stores it: one JPEG with restart markers, and where each interval of it
    begins; then a level and the photograph of the slide. Returns libjpeg's pixels."""
    pages = []
    pixels = SLIDE[:256, :384]
    for image, magnification in ((pixels, 20.0), (pixels[::2, ::2], 10.0), (MACRO, -1.0)):
        file = io.BytesIO()
        Image.fromarray(image).save(
            file, "JPEG", quality=90, subsampling=0, restart_marker_blocks=image.shape[1] // 16
        )
        data = file.getvalue()
        scan = data.index(b"\xff\xda")
        first = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
        starts = [first] + [
            n + 2
            for n in range(first, len(data) - 1)
            if data[n] == 255 and 0xD0 <= data[n + 1] < 0xD8
        ]
        tags, _ = tiff_files.page(image, 8, 6, tag_530=[1, 1], tag_282=[(20_000, 1)],
                                  tag_283=[(20_000, 1)], tag_296=3)  # fmt: skip
        tags |= {tiff_files.COMPRESSION: 7, 271: "Hamamatsu", 65420: 1, 65421: magnification}
        tags |= {65426: starts} if magnification > 0 else {}
        pages.append((tags, [data]))
    path.write_bytes(tiff_files.tiff(*pages, ndpi=True))
    return np.asarray(Image.open(io.BytesIO(pages[0][1][0])))


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
