"""Stacks of TIFF pages as volumes, and files of several scans; tifffile is the oracle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.box import Box
from imaging.errors import NotFound, SeveralScans, UnreadableScan, UnsupportedScan
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.formats.tiff import read
from imaging.formats.tiff.part import TiffPart, tiff_parts
from tests.support import tiff_files

RANDOM = np.random.default_rng(31)
STACK = RANDOM.integers(0, 60_000, (5, 20, 30)).astype(np.uint16)
HYPER = RANDOM.integers(0, 60_000, (2, 4, 3, 20, 30)).astype(np.uint16)
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"compression": "zlib"},
    {"tile": (16, 16)},
    {"byteorder": ">"},
]


def parts(path: Path, folder: Path, **selection: Any) -> list[Path]:
    scans, _ = incoming_scans([path], folder, Limits(), ScanSelection(**selection))
    return [scan.path for scan in scans]


def check(path: Path, expected: np.ndarray, spacing: tuple[float, ...]) -> None:
    scan = verify(path)
    assert scan.grid == scan.stored_shape == expected.shape
    assert scan.spacing_mm == pytest.approx(spacing, rel=1e-9)
    assert np.array_equal(scan.read(Box.whole(scan.grid))[0], expected)
    box = Box((1, 3, 5), (4, 19, 22))
    assert np.array_equal(open_scan(path).read(box)[0], expected[box.slices])
    # LPS: the next plane is superior, the next row posterior, the next column left
    z, y, x = spacing
    assert np.allclose(scan.affine[:3, :3], [[0, 0, -x], [0, -y, 0], [z, 0, 0]])


@pytest.mark.parametrize("options", LAYOUTS, ids=str)
def test_an_ome_stack_is_a_volume(tmp_path: Path, options: dict[str, Any]) -> None:
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2000.0}
    facts = {"axes": "ZYX", **sizes, "PhysicalSizeZUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata=facts, **options)
    check(tmp_path / "a.ome.tif", STACK, (2e-3, 0.25e-3, 0.5e-3))
    assert len(verify(tmp_path / "a.ome.tif").warnings) == 1  # the orientation


@pytest.mark.parametrize("spacing", [3.0, -3.0])
def test_an_imagej_stack_is_a_volume(tmp_path: Path, spacing: float) -> None:
    """ImageJ takes the amount of a negative spacing."""
    tifffile.imwrite(
        tmp_path / "a", STACK, imagej=True, resolution=(4, 5),
        metadata={"axes": "ZYX", "unit": "um", "spacing": spacing},
    )  # fmt: skip
    check(tmp_path / "a", STACK, (3e-3, 0.2e-3, 0.25e-3))


def test_pages_with_a_distance_are_a_volume_and_others_a_choice(tmp_path: Path) -> None:
    text = "ImageJ=1.54f\nimages=3\nunit=mm\nspacing=2.5\n"
    pages = [
        tiff_files.page(plane, 16, 1, tag_282=[(2, 1)], tag_283=[(2, 1)]) for plane in STACK[:3]
    ]
    pages[0][0][tiff_files.DESCRIPTION] = text
    (tmp_path / "a").write_bytes(tiff_files.tiff(*pages))
    check_only = verify(tmp_path / "a")
    assert check_only.spacing_mm == (2.5, 0.5, 0.5)
    del pages[0][0][tiff_files.DESCRIPTION]
    (tmp_path / "b").write_bytes(tiff_files.tiff(*pages))
    with pytest.raises(SeveralScans) as error:
        parts(tmp_path / "b", tmp_path)
    assert [one["name"] for one in error.value.choices] == [f"page {n} of 3" for n in (1, 2, 3)]


def test_a_stack_without_sizes_is_read_with_a_warning(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "ZYX"})
    check(tmp_path / "a.ome.tif", STACK, (1.0, 1.0, 1.0))
    assert any("1 mm is assumed" in text for text in verify(tmp_path / "a.ome.tif").warnings)
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "b.ome.tif", STACK, metadata={"axes": "ZYX", **sizes})
    check(tmp_path / "b.ome.tif", STACK, (5e-4, 5e-4, 5e-4))
    assert any("distance of its planes" in text for text in verify(tmp_path / "b.ome.tif").warnings)


@pytest.mark.parametrize("kind", ["ome", "imagej"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=str)
def test_channels_and_time_points_are_a_choice(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    """A hyperstack of (time point, plane, channel): a volume of each channel and time point."""
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    if kind == "ome":
        sizes = {f"PhysicalSize{axis}": 2.0 for axis in "XYZ"}
        tifffile.imwrite(path, HYPER, metadata={"axes": "TZCYX", **sizes}, **options)
    else:
        facts = {"axes": "TZCYX", "unit": "um", "spacing": 2.0}
        tifffile.imwrite(path, HYPER, imagej=True, resolution=(0.5, 0.5), metadata=facts, **options)
    with pytest.raises(SeveralScans) as error:
        parts(path, tmp_path)
    choices = error.value.choices
    assert choices[1] == {
        "volume": 2, "name": "time point 1 of 2, channel 2 of 3", "slices": 4, "rows": 20,
        "columns": 30,
    }  # fmt: skip
    assert len(choices) == 6
    with pytest.raises(UnsupportedScan, match="6 images or volumes"):
        open_scan(path)
    with pytest.raises(NotFound):
        parts(path, tmp_path, volume=7)
    (chosen,) = parts(path, tmp_path, volume=5)
    check(chosen, HYPER[1, :, 1], (2e-3, 2e-3, 2e-3))
    each = parts(path, tmp_path, each=True)
    assert len(each) == 6
    assert np.array_equal(tifffile.imread(each[5]), HYPER[1, :, 2])


def test_the_tags_of_a_file_are_parsed_once_for_all_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = np.arange(20 * 6 * 7, dtype=np.uint16).reshape(20, 6, 7)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", metadata=None)
    parsed: list[Any] = []

    def counted(*arguments: Any) -> list[TiffPart]:
        parsed.append(arguments)
        return tiff_parts(*arguments)

    monkeypatch.setattr(read, "tiff_parts", counted)
    each = parts(tmp_path / "a.tif", tmp_path, each=True)
    assert len(parsed) == 2  # to list the parts, and to write them
    assert all(np.array_equal(tifffile.imread(one), n) for one, n in zip(each, pages, strict=True))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_samples_that_are_no_colour_are_channels(tmp_path: Path, planar: str) -> None:
    pixels = HYPER[0, :, 0]
    stored = pixels if planar == "separate" else np.moveaxis(pixels, 0, -1)
    tifffile.imwrite(tmp_path / "a", stored, photometric="minisblack", planarconfig=planar,
                     metadata=None)  # fmt: skip
    (chosen,) = parts(tmp_path / "a", tmp_path, volume=3)
    assert np.array_equal(tifffile.imread(chosen), pixels[2])


def test_images_of_several_sizes_are_a_choice(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(STACK[0], metadata=None)
        tiff.write(STACK[1, :9], metadata=None)
    (chosen,) = parts(tmp_path / "a.tif", tmp_path, volume=2)
    assert np.array_equal(tifffile.imread(chosen), STACK[1, :9])


def test_a_colour_stack_keeps_its_components(tmp_path: Path) -> None:
    colours = RANDOM.integers(0, 255, (4, 20, 30, 3)).astype(np.uint8)
    facts = {"axes": "ZYXS", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0, "PhysicalSizeZ": 1.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", colours, photometric="rgb", metadata=facts)
    scan = verify(tmp_path / "a.ome.tif")
    assert np.array_equal(np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1), colours)


def test_an_imagej_stack_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """Its planes follow the only page; tifffile gives the first plane of what is left."""
    tifffile.imwrite(tmp_path / "a", STACK, imagej=True, metadata={"axes": "ZYX"}, contiguous=True)
    data = (tmp_path / "a").read_bytes()
    with tifffile.TiffFile(tmp_path / "a") as file:
        start = file.series[0].dataoffset or 0
    assert start
    (tmp_path / "a").write_bytes(data[: start + STACK.nbytes - 2])
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "a")


def test_a_missing_plane_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "ZYX"}, compression="zlib")
    data = (tmp_path / "a.ome.tif").read_bytes()
    (tmp_path / "b").write_bytes(data.replace(b'SizeZ="5"', b'SizeZ="6"'))
    with pytest.raises(UnreadableScan, match="6 planes, and the file holds 5"):
        verify(tmp_path / "b")


def test_one_of_several_ome_tiff_files_is_read_with_a_warning(tmp_path: Path) -> None:
    """Each file of the image holds one plane, and the XML of all."""
    planes = "".join(
        f'<TiffData FirstZ="{n}" PlaneCount="1"><UUID FileName="plane{n}.ome.tif">urn:uuid:{n}'
        "</UUID></TiffData>"
        for n in range(3)
    )
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'UUID="urn:uuid:0"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="uint16" SizeX="30" SizeY="20" SizeZ="3" SizeC="1" SizeT="1">{planes}</Pixels>'
        "</Image></OME>"
    )
    (tmp_path / "a").write_bytes(tiff_files.tiff(tiff_files.page(STACK[0], 16, 1, tag_270=text)))
    scan = verify(tmp_path / "a")
    assert np.array_equal(scan.read(Box.whole(scan.grid))[0], STACK[0])
    assert any("several OME-TIFF files" in text for text in scan.warnings)


def test_pages_of_different_sizes_keep_their_order(tmp_path: Path) -> None:
    """Pages of one size are not numbered before the others."""
    images = [np.full((9 + n % 2, 20), 40 * n, np.uint8) for n in range(5)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for pixels in images:
            file.write(pixels, metadata=None)
    with pytest.raises(SeveralScans) as caught:
        parts(tmp_path / "a.tif", tmp_path)
    assert [n["name"] for n in caught.value.choices] == [f"page {n} of 5" for n in range(1, 6)]
    for pixels, path in zip(images, parts(tmp_path / "a.tif", tmp_path, each=True), strict=True):
        scan = verify(path)
        assert np.array_equal(scan.read(Box.whole(scan.grid))[0], pixels)


def test_pages_of_equal_size_have_their_own_tags(tmp_path: Path) -> None:
    """Palette and resolution; libtiff, through Pillow, is the oracle of the colours."""
    index = RANDOM.integers(0, 255, (2, 20, 30)).astype(np.uint8)
    palettes = RANDOM.integers(0, 255, (2, 3, 256)).astype(np.uint16) * 257
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for n, pixels in enumerate(index):
            file.write(
                pixels, photometric="palette", colormap=palettes[n], metadata=None,
                resolution=(100 * (n + 1),) * 2, resolutionunit="CENTIMETER",
                compression="deflate",
            )  # fmt: skip
    with Image.open(tmp_path / "a.tif") as oracle:
        for n, path in enumerate(parts(tmp_path / "a.tif", tmp_path, each=True)):
            oracle.seek(n)
            expected = np.moveaxis(np.asarray(oracle.convert("RGB")), -1, 0)
            scan = verify(path)
            assert np.array_equal(scan.read(Box.whole(scan.grid)), expected)
            assert scan.spacing_mm == pytest.approx((0.1 / (n + 1),) * 2)
