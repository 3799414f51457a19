"""Whole-slide images as the scanners of several makers write them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

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


def philips(path: Path) -> Path:
    """As its scanners export slides: levels and photographs as pages."""
    xml = (
        '<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">'
        '<Attribute Name="PIM_DP_SCANNED_IMAGES" Group="0x301D" Element="0x1003" PMSVR="IDataObject'
        'Array"><Array><DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE" '
        'Group="0x301D" Element="0x1004" PMSVR="IString">WSI</Attribute>'
        '<Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030" PMSVR="IDoubleArray"'
        '>"0.0005" "0.00025"</Attribute></DataObject></Array></Attribute></DataObject>'
    )
    return slide(
        path,
        (SLIDE, TILED | {"description": xml, "software": "Philips DP v1.0"}),
        (HALF, TILED | {"subfiletype": 1, "description": "level=1"}),
        (MACRO, STRIPS | {"description": "Macro -offset=(0,0)-pixelspacing=(0.0315,0.0315)"}),
        (LABEL, STRIPS | {"description": "Label -offset=(0,0)-pixelspacing=(0.0315,0.0315)"}),
    )


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
