"""The physical size of a TIFF's pixels, in every unit; the expected values are typed by hand."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know
import tifffile

from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.formats.tiff.pixel_size import _philips
from imaging.formats.tiff.read import list_parts
from imaging.scan import Scan
from tests.support import tiff_files

PIXELS = np.random.default_rng(3).integers(0, 255, (20, 30)).astype(np.uint8)
INCH, CENTIMETRE, NO_UNIT = 2, 3, 1


def ome(path: Path, **facts: Any) -> Scan:
    tifffile.imwrite(path / "a.ome.tif", PIXELS, metadata={"axes": "YX", **facts})
    return open_scan(path / "a.ome.tif")


def resolution(path: Path, x: tuple[int, int], y: tuple[int, int], **more: Any) -> Scan:
    tags = {"tag_282": [x], "tag_283": [y], **more}
    (path / "a.tif").write_bytes(tiff_files.tiff(tiff_files.page(PIXELS, 8, 1, **tags)))
    return open_scan(path / "a.tif")


@pytest.mark.parametrize(
    ("unit", "mm"),
    [
        ("pm", 1e-9), ("\u00c5", 1e-7), ("nm", 1e-6), ("\u00b5m", 1e-3), ("mm", 1), ("cm", 10),
        ("dm", 100), ("m", 1000), ("Mm", 1e9), ("in", 25.4), ("thou", 0.0254), ("ft", 304.8),
        ("pt", 0.35277777777777777),
    ],
)  # fmt: skip
def test_units_of_ome(tmp_path: Path, unit: str, mm: float) -> None:
    scan = ome(
        tmp_path,
        PhysicalSizeX=0.5, PhysicalSizeY=0.25, PhysicalSizeXUnit=unit, PhysicalSizeYUnit=unit,
    )  # fmt: skip
    assert scan.spacing_mm == pytest.approx((0.25 * mm, 0.5 * mm), rel=1e-12)
    assert not scan.warnings


def test_units_of_ome_may_differ_and_default_to_micrometres(tmp_path: Path) -> None:
    scan = ome(tmp_path, PhysicalSizeX=0.5, PhysicalSizeY=250.0, PhysicalSizeYUnit="nm")
    assert scan.spacing_mm == pytest.approx((0.25e-3, 0.5e-3), rel=1e-12)


@pytest.mark.parametrize(("size", "unit"), [(1e150, "pc"), (1e-30, "mm"), (1.5, "ym")])
def test_an_impossible_size_is_reported(tmp_path: Path, size: float, unit: str) -> None:
    sizes = {"PhysicalSizeX": size, "PhysicalSizeY": size}
    scan = ome(tmp_path, **sizes, PhysicalSizeXUnit=unit, PhysicalSizeYUnit=unit)
    assert scan.spacing_mm is None
    assert "impossible size" in scan.warnings[0]


@pytest.mark.parametrize("unit", ["pixel", "reference frame", "furlong"])
def test_a_unit_that_is_no_length_is_reported(tmp_path: Path, unit: str) -> None:
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    scan = ome(tmp_path, **sizes, PhysicalSizeXUnit=unit, PhysicalSizeYUnit=unit)
    assert scan.spacing_mm is None
    assert "not a length" in scan.warnings[0]


@pytest.mark.parametrize(
    ("unit", "mm"),
    [
        ("micron", 1e-3), ("um", 1e-3), ("\\u00B5m", 1e-3), ("microns", 1e-3), ("nm", 1e-6),
        ("mm", 1), ("cm", 10), ("inch", 25.4), ("Millimeters", 1), ("millimetre", 1),
    ],
)  # fmt: skip
def test_units_of_imagej(tmp_path: Path, unit: str, mm: float) -> None:
    """The resolution is in pixels per unit of the description, whatever ResolutionUnit states."""
    text = f"ImageJ=1.54f\nunit={unit}\n"
    for stated in (NO_UNIT, INCH):
        scan = resolution(tmp_path, (4, 1), (5, 2), tag_270=text, tag_296=stated)
        assert scan.spacing_mm == pytest.approx((0.4 * mm, 0.25 * mm), rel=1e-12)
        assert not scan.warnings


def of_itk(path: Path) -> tuple[float, float]:
    """(row, column) as ITK reads it."""
    column, row = sitk.ReadImage(str(path)).GetSpacing()
    return row, column


def test_resolution_units(tmp_path: Path) -> None:
    """Without ResolutionUnit, the unit is the inch (TIFF 6.0, section 8)."""
    scan = resolution(tmp_path, (20_000, 1), (10_000, 1), tag_296=CENTIMETRE)
    assert scan.spacing_mm == pytest.approx((1e-3, 5e-4), rel=1e-12)
    assert scan.spacing_mm == pytest.approx(of_itk(tmp_path / "a.tif"))
    for unit in ({"tag_296": INCH}, {}):
        scan = resolution(tmp_path, (50_800, 1), (50_800, 2), **unit)
        assert scan.spacing_mm == pytest.approx((1e-3, 5e-4), rel=1e-12)
        if unit:  # ITK does not know the default
            assert scan.spacing_mm == pytest.approx(of_itk(tmp_path / "a.tif"))
        assert not scan.warnings


@pytest.mark.parametrize(
    ("per_unit", "unit", "reason"),
    [
        ((72, 1), INCH, "72 pixels per inch"),
        ((3_000_000, 10_000), INCH, "300 pixels per inch"),
        ((11_811, 100), CENTIMETRE, "300 pixels per inch"),
        ((4, 1), NO_UNIT, "without a unit"),
        ((4, 1), 9, "not a length"),
    ],
)
def test_a_resolution_that_is_no_size_is_reported(
    tmp_path: Path, per_unit: tuple[int, int], unit: int, reason: str
) -> None:
    scan = resolution(tmp_path, per_unit, per_unit, tag_296=unit)
    assert scan.spacing_mm is None
    assert reason in scan.warnings[0]


@pytest.mark.parametrize("per_unit", [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_a_resolution_that_states_nothing_is_none(
    tmp_path: Path, per_unit: tuple[int, int]
) -> None:
    scan = resolution(tmp_path, per_unit, per_unit, tag_296=INCH)
    assert scan.spacing_mm is None
    assert not scan.warnings


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "many", ""])
def test_a_size_that_is_no_number_is_none(tmp_path: Path, value: str) -> None:
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="30" '
        'SizeY="20" SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX="VALUE" PhysicalSizeY="VALUE">'
        "<TiffData/></Pixels></Image></OME>"
    )
    described = text.replace("VALUE", value)
    data = tiff_files.tiff(tiff_files.page(PIXELS, 8, 1, tag_270=described))
    (tmp_path / "a").write_bytes(data)
    assert open_scan(tmp_path / "a").spacing_mm is None
    (tmp_path / "a").write_bytes(data.replace(f'"{value}"'.encode(), b'"2"'.ljust(len(value) + 2)))
    if value in ("inf", "nan", "many"):  # the same file with a number
        assert open_scan(tmp_path / "a").spacing_mm == pytest.approx((2e-3, 2e-3))


def test_each_image_of_a_file_has_its_own_size(tmp_path: Path) -> None:
    """Two images with the same number of pixels, of different physical sizes."""
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        for size in (2.0, 3.0):
            tiff.write(PIXELS, metadata={"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": 1.0})
    for number, size in ((1, 2.0), (2, 3.0)):
        selection = ScanSelection(volume=number)
        (scan,), _ = incoming_scans([tmp_path / "a.ome.tif"], tmp_path, Limits(), selection)
        assert open_scan(scan.path).spacing_mm == pytest.approx((1e-3, size * 1e-3))


def test_an_ome_xml_of_another_image_is_reported(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a", PIXELS, ome=True, metadata={"PhysicalSizeX": 2.0})
    data = (tmp_path / "a").read_bytes().replace(b'SizeX="30"', b'SizeX="31"')
    (tmp_path / "a").write_bytes(data)
    scan = open_scan(tmp_path / "a")
    assert scan.spacing_mm is None
    assert "other sizes" in scan.warnings[0]


OWN, OTHER = "urn:uuid:00000000-0000-0000-0000-000000000001", "urn:uuid:another"


def described(images: list[tuple[float, str]], uuid: str = OWN) -> str:
    """OME-XML of one Image for each (micrometres, TiffData)."""
    elements = "".join(
        f'<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint8" '
        f'SizeX="30" SizeY="20" SizeZ="1" SizeC="1" SizeT="1" PhysicalSizeX="{size}" '
        f'PhysicalSizeY="{size}">{data}</Pixels></Image>'
        for n, (size, data) in enumerate(images)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/'
        f'OME/2016-06" UUID="{uuid}">{elements}</OME>'
    )


def data_in(uuid: str) -> str:
    return f'<TiffData IFD="0" PlaneCount="1"><UUID FileName="a.ome.tif">{uuid}</UUID></TiffData>'


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([(0.25, data_in(OTHER)), (5.0, data_in(OWN))], 5e-3),
        ([(5.0, data_in(OWN)), (0.25, data_in(OTHER))], 5e-3),
        ([(0.25, '<TiffData IFD="7"/>'), (5.0, '<TiffData IFD="0"/>')], 5e-3),
        ([(0.25, ""), (5.0, '<TiffData IFD="0"/>')], 5e-3),
        ([(5.0, data_in(OTHER)), (5.0, data_in(OTHER))], 5e-3),
        ([(0.25, data_in(OTHER)), (5.0, data_in(OTHER))], None),
        ([(0.25, ""), (5.0, "")], None),
    ],
)
def test_one_of_several_images_in_the_ome_xml(
    tmp_path: Path, images: list[tuple[float, str]], expected: float | None
) -> None:
    """The first element is not the one of the only image in the file."""
    page = tiff_files.page(PIXELS, 8, 1, tag_270=described(images))
    (tmp_path / "a").write_bytes(tiff_files.tiff(page))
    scan = open_scan(tmp_path / "a")
    reported = any("does not say which" in text for text in scan.warnings)
    assert reported is (expected is None)
    assert scan.spacing_mm == (None if expected is None else pytest.approx((expected,) * 2))


def test_the_description_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside tifffile's own pass; formerly it was parsed for each image."""
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        for size in range(1, 20):
            tiff.write(PIXELS, metadata={"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": 1})
    parsed, parse = [], ET.fromstring

    def counted(text: str) -> ET.Element:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(ET, "fromstring", counted)
    assert len(list_parts(tmp_path / "a.ome.tif", Limits())) == 19
    assert len(parsed) == 2


def test_a_philips_description_without_an_end_takes_no_time() -> None:
    page = SimpleNamespace(description='Name="DICOM_PIXEL_SPACING"' * 40_000)
    series, file = SimpleNamespace(keyframe=page), SimpleNamespace(is_philips=True)
    start = time.perf_counter()
    assert _philips(file, series) is None  # type: ignore[arg-type]
    assert time.perf_counter() - start < 5
