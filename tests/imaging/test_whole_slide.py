"""Whole slide images, read by region, as highdicom assembles them."""

from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels.utils import pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from imaging.box import Box
from imaging.errors import BadRequest, SeveralScans, TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.dicom.deidentify import deidentify_file
from imaging.formats.format import Segmentation
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.registry import impossible, mask_format
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import NUMBER, PATIENT, picture, write
from tests.support.dicom.headers import mask_description

LIMITS = Limits()
TILE = (16, 24)


def pattern(rows: int, columns: int) -> NDArray[np.uint8]:
    """Smooth colours, different everywhere."""
    down, across = np.mgrid[:rows, :columns]
    colors = np.stack([down * 3, across * 2, down + across], -1)
    return (colors % 256).astype(np.uint8)


def slide(
    image: NDArray[Any],
    *,
    syntax: UID = ExplicitVRLittleEndian,
    sparse: bool = False,
    absent: tuple[int, ...] = (),
    table: str = "basic",
    **changes: Any,
) -> Dataset:
    """A slide of (rows, columns, 3) in tiles; without the tiles in `absent` if it is sparse."""
    tiles = _tiles(image)
    kept = [n for n in range(len(tiles)) if n not in absent]
    made = picture(tiles[0][1], SOPClassUID=VLWholeSlideMicroscopyImageStorage, Modality="SM")
    made.file_meta.TransferSyntaxUID = syntax
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    made.TotalPixelMatrixRows, made.TotalPixelMatrixColumns = image.shape[:2]
    made.NumberOfFrames, made.NumberOfOpticalPaths = len(kept), 1
    made.TotalPixelMatrixFocalPlanes = 1
    made.DimensionOrganizationType = "TILED_SPARSE" if sparse else "TILED_FULL"
    made.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = origin.YOffsetInSlideCoordinateSystem = 0
    made.TotalPixelMatrixOriginSequence = Sequence([origin])
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    made.OpticalPathSequence = Sequence([path])
    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.0005, 0.00025], 0.001
    shared.PixelMeasuresSequence = Sequence([measures])
    made.SharedFunctionalGroupsSequence = Sequence([shared])
    if sparse:
        _add_dimensions(made)
        made.PerFrameFunctionalGroupsSequence = Sequence([_group(*tiles[n][0]) for n in kept])
    _store(made, [tiles[n][1] for n in kept], syntax, table)
    for keyword, value in changes.items():
        setattr(made, keyword, value)
    return made


def _tiles(image: NDArray[Any]) -> list[tuple[tuple[int, int], NDArray[Any]]]:
    padding = [(0, -size % edge) for size, edge in zip(image.shape[:2], TILE, strict=True)]
    padded = np.pad(image, [*padding, (0, 0)], mode="edge")
    starts = product(range(0, len(padded), TILE[0]), range(0, padded.shape[1], TILE[1]))
    return [((a, b), padded[a : a + TILE[0], b : b + TILE[1]]) for a, b in starts]


def _group(top: int, left: int) -> Dataset:
    group, position = Dataset(), Dataset()
    position.RowPositionInTotalImagePixelMatrix = top + 1
    position.ColumnPositionInTotalImagePixelMatrix = left + 1
    position.XOffsetInSlideCoordinateSystem = position.YOffsetInSlideCoordinateSystem = 0
    position.ZOffsetInSlideCoordinateSystem = 0
    group.PlanePositionSlideSequence = Sequence([position])
    content = Dataset()
    content.DimensionIndexValues = [top // TILE[0] + 1, left // TILE[1] + 1]
    group.FrameContentSequence = Sequence([content])
    return group


def _add_dimensions(made: Dataset) -> None:
    """The indices by which highdicom finds a tile: its row, its column."""
    organization = Dataset()
    organization.DimensionOrganizationUID = generate_uid()
    made.DimensionOrganizationSequence = Sequence([organization])
    indices = []
    for axis in ("Row", "Column"):
        index = Dataset()
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer = tag_for_keyword(f"{axis}PositionInTotalImagePixelMatrix")
        index.FunctionalGroupPointer = tag_for_keyword("PlanePositionSlideSequence")
        indices.append(index)
    made.DimensionIndexSequence = Sequence(indices)


def _store(made: Dataset, tiles: list[NDArray[Any]], syntax: UID, table: str) -> None:
    if not syntax.is_encapsulated:
        made.PixelData = b"".join(tile.tobytes() for tile in tiles)
        made["PixelData"].VR = "OB"
        return
    streams = []
    for tile in tiles:
        buffer = BytesIO()
        Image.fromarray(tile).save(buffer, "JPEG", quality=95, subsampling=1)
        streams.append(buffer.getvalue())
    made.PhotometricInterpretation = "YBR_FULL_422"
    if table == "extended":
        made.PixelData, offsets, lengths = encapsulate_extended(streams)
        made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = offsets, lengths
    else:
        parts = 2 if table == "fragments" else 1
        made.PixelData = encapsulate(streams, parts, has_bot=table != "none")
    made["PixelData"].is_undefined_length = True


def received(folder: Path, *paths: Path, **options: Any) -> list[IncomingScan]:
    folder.mkdir(parents=True, exist_ok=True)
    scans, refused = incoming_scans(paths, folder, LIMITS, ScanSelection(**options), b"secret")
    assert not refused
    return scans


def pixels(path: Path, box: Box | None = None) -> NDArray[Any]:
    scan = open_scan(path)
    return np.moveaxis(scan.read(box or Box.whole(scan.grid)), 0, -1)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("syntax", "table"),
    [
        *((ExplicitVRLittleEndian, ""), (ExplicitVRBigEndian, "")),
        *((JPEGBaseline8Bit, n) for n in ("basic", "extended", "none", "fragments")),
    ],
)
def test_the_whole_slide_is_what_highdicom_assembles(
    tmp_path: Path, syntax: UID, table: str, *, sparse: bool
) -> None:
    """Given tiles that reach beyond the edges, in any transfer syntax, each is at its place."""
    image = pattern(45, 70)
    (path,) = write([slide(image, syntax=syntax, sparse=sparse, table=table)], tmp_path)
    found = pixels(path)
    assert found.shape == image.shape
    if syntax != JPEGBaseline8Bit:
        np.testing.assert_array_equal(found, image)
    else:
        assert np.abs(found.astype(int) - image).mean() < 4
    if syntax != ExplicitVRBigEndian:
        expected = highdicom.imread(path).get_total_pixel_matrix(apply_icc_profile=False)
        assert np.abs(found.astype(int) - expected).max() <= (syntax == JPEGBaseline8Bit) * 3


@pytest.mark.parametrize("tile", [(4, 4), (3, 5)])
def test_tiles_in_big_endian_words(tmp_path: Path, tile: tuple[int, int]) -> None:
    """Given 8-bit pixels in swapped pairs (OW), of which a tile may begin in the middle of one."""
    rows, columns = tile
    tiles = np.arange(4 * rows * columns, dtype=np.uint8).reshape(2, 2, rows, columns)
    image = slide(pattern(16, 24), NumberOfFrames=4, Rows=rows, Columns=columns)
    image.TotalPixelMatrixRows, image.TotalPixelMatrixColumns = 2 * rows, 2 * columns
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    del image.PlanarConfiguration
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    image.PixelData = np.frombuffer(tiles.tobytes(), "<u2").byteswap().tobytes()
    image["PixelData"].VR = "OW"
    (path,) = write([image], tmp_path)
    np.testing.assert_array_equal(pixel_array(image), tiles.reshape(4, rows, columns))
    expected = tiles.transpose(0, 2, 1, 3).reshape(2 * rows, 2 * columns)
    np.testing.assert_array_equal(pixels(path)[..., 0], expected)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGBaseline8Bit])
def test_regions_decode_their_own_tiles(
    tmp_path: Path, syntax: UID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a region within four of nine tiles, four are decoded, and twice read once."""
    image, decoded = pattern(48, 72), []
    (path,) = write([slide(image, syntax=syntax)], tmp_path)
    whole = pixels(path)

    def counted(*args: Any, **options: Any) -> Any:
        decoded.append(1)
        return pixel_array(*args, **options)

    monkeypatch.setattr("imaging.formats.dicom.whole_slide.pixel_array", counted)
    scan, box = open_scan(path), Box((10, 20), (20, 30))
    assert not decoded
    for _ in range(2):
        np.testing.assert_array_equal(np.moveaxis(scan.read(box), 0, -1), whole[10:20, 20:30])
    assert len(decoded) == 4


def test_a_tile_that_is_absent_is_bright(tmp_path: Path) -> None:
    image = pattern(32, 48)
    (path,) = write([slide(image, sparse=True, absent=(1,))], tmp_path)
    expected = image.copy()
    expected[:16, 24:] = 255
    np.testing.assert_array_equal(pixels(path), expected)


def test_the_spacing_is_that_of_the_pixel_measures(tmp_path: Path) -> None:
    (path,) = write([slide(pattern(16, 24))], tmp_path)
    assert open_scan(path).spacing_mm == (0.0005, 0.00025)


def test_a_mask_is_a_tiled_image_and_no_segmentation(tmp_path: Path) -> None:
    """An object that refers to the first tile alone would be wrong."""
    (path,) = write([slide(pattern(32, 48))], tmp_path)
    scan, mask = open_scan(path), np.ones((32, 48), np.uint8)
    segmentation = Segmentation(mask, scan, mask_description("nucleus"))
    names = [one.name for one in impossible(scan)]
    assert names == ["dicom-seg", "dicom-labelmap", "dicom-rtstruct", "dicom-sr"]
    with pytest.raises(BadRequest, match="whole slide"):
        mask_format("dicom-seg").write(tmp_path / "mask.seg.dcm", segmentation)
    mask_format("ome-tiff").write(tmp_path / "mask.ome.tif", segmentation)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "mask.ome.tif"), mask)


def _pyramid() -> list[Dataset]:
    """Two levels, the label and the overview of one slide."""
    study, series = generate_uid(), generate_uid()
    kinds = ["VOLUME", "VOLUME", "LABEL", "OVERVIEW"]
    made = [
        slide(pattern(size, size + 8), StudyInstanceUID=study, SeriesInstanceUID=series)
        for size in (64, 32, 96, 16)
    ]
    for image, kind in zip(made, kinds, strict=True):
        image.ImageType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
    return made


def test_the_full_resolution_is_the_scan(tmp_path: Path) -> None:
    """Given two levels, a label and an overview, the largest level is used, others on request."""
    paths = write(_pyramid(), tmp_path)
    for options in ({}, {"each": True}):
        (scan,) = received(tmp_path / str(len(options)), *paths, **options)
        np.testing.assert_array_equal(pixels(scan.path), pattern(64, 72))
    sizes = set()
    for stack in range(1, 5):
        (scan,) = received(tmp_path / f"stack{stack}", *paths, stack=stack)
        sizes.add(open_scan(scan.path).grid)
    assert sizes == {(64, 72), (32, 40), (96, 104), (16, 24)}
    alone = [received(tmp_path / f"alone {path.stem}", path) for path in paths]
    assert {open_scan(scan.path).grid for (scan,) in alone} == sizes


def test_the_label_is_left_out_of_a_deidentified_slide(tmp_path: Path) -> None:
    """Neither label nor overview is stored; a label alone is refused."""
    images = _pyramid()
    paths = write(images, tmp_path)
    scans = received(tmp_path / "in", *paths, deidentify=True, each=True)
    assert [open_scan(scan.path).grid for scan in scans] == [(64, 72)]
    assert PATIENT.encode() not in scans[0].path.read_bytes()
    np.testing.assert_array_equal(pixels(scans[0].path), pattern(64, 72))
    (label,) = write(images[2:3], tmp_path / "label")
    with pytest.raises(UnsupportedScan, match="label"):
        received(tmp_path / "alone", label, deidentify=True)
    with pytest.raises(UnsupportedScan, match="label") as refused:
        deidentify_file(label, tmp_path / "out", b"secret")
    assert NUMBER not in str(refused.value)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGBaseline8Bit])
def test_a_deidentified_slide_has_the_same_pixels(tmp_path: Path, syntax: UID) -> None:
    (path,) = write([slide(pattern(40, 60), syntax=syntax)], tmp_path)
    (scan,) = received(tmp_path / "in", path, deidentify=True)
    np.testing.assert_array_equal(pixels(scan.path), pixels(path))


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"NumberOfOpticalPaths": 3}, UnsupportedScan, "3 optical paths"),
        ({"TotalPixelMatrixFocalPlanes": 5}, UnsupportedScan, "5 planes of focus"),
        ({"TotalPixelMatrixRows": 400}, UnreadableScan, "has 4 tiles"),
        ({"TotalPixelMatrixRows": 0}, UnreadableScan, "impossible"),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "SamplesPerPixel": 1},
            UnsupportedScan,
            "MONOCHROME1",
        ),
        ({"PixelRepresentation": 1}, UnsupportedScan, "signed"),
    ],
)
def test_what_is_no_single_image_is_refused(
    tmp_path: Path, changes: dict[str, Any], error: type[TesseraError], match: str
) -> None:
    (path,) = write([slide(pattern(32, 48), **changes)], tmp_path)
    with pytest.raises(error, match=match):
        open_scan(path)


@pytest.mark.parametrize("name", ["TotalPixelMatrixRows", "TotalPixelMatrixColumns"])
def test_a_slide_without_a_size_is_refused(tmp_path: Path, name: str) -> None:
    image = slide(pattern(32, 48))
    delattr(image, name)
    (path,) = write([image], tmp_path)
    with pytest.raises(UnreadableScan, match="missing"):
        open_scan(path)


@pytest.mark.parametrize(
    "part",
    [{"InConcatenationNumber": 1, "InConcatenationTotalNumber": 2}, {"InConcatenationNumber": 1}],
)
def test_a_part_of_a_slide_is_refused(tmp_path: Path, part: dict[str, Any]) -> None:
    """Given half of the tiles, the rest is in another file, and not blank."""
    image = slide(pattern(32, 48), sparse=True, absent=(2, 3), ConcatenationUID="1.2.3", **part)
    (path,) = write([image], tmp_path)
    with pytest.raises(UnsupportedScan, match="concatenation"):
        open_scan(path)


def test_a_concatenation_of_one_slide_is_read(tmp_path: Path) -> None:
    part: dict[str, Any] = {"ConcatenationUID": "1.2.3", "InConcatenationTotalNumber": 1}
    (path,) = write([slide(pattern(32, 48), sparse=True, **part)], tmp_path)
    np.testing.assert_array_equal(pixels(path), pattern(32, 48))


@pytest.mark.parametrize("frames", [3, 5])
def test_other_positions_than_tiles_are_refused(tmp_path: Path, frames: int) -> None:
    """Given positions of four tiles, and pixels of more or fewer."""
    image = slide(pattern(32, 48), sparse=True, NumberOfFrames=frames)
    image.PixelData += bytes(TILE[0] * TILE[1] * 3)
    (path,) = write([image], tmp_path)
    with pytest.raises(UnreadableScan, match=f"describes 4 frames.*{frames}"):
        open_scan(path)


def test_two_tiles_at_one_place_are_refused(tmp_path: Path) -> None:
    image = slide(pattern(32, 48), sparse=True)
    groups = image.PerFrameFunctionalGroupsSequence
    groups[1].PlanePositionSlideSequence[0].ColumnPositionInTotalImagePixelMatrix = 1
    (path,) = write([image], tmp_path)
    with pytest.raises(UnsupportedScan, match="same position"):
        open_scan(path)


def test_a_damaged_offset_table_is_refused(tmp_path: Path) -> None:
    """Given an offset into the middle of a fragment, no tile is read from a wrong place."""
    image = slide(pattern(32, 48), syntax=JPEGBaseline8Bit)
    content = bytearray(image.PixelData)
    content[12] += 2
    image.PixelData = bytes(content)
    (path,) = write([image], tmp_path)
    with pytest.raises(UnreadableScan, match="told apart"):
        pixels(path)


def test_a_position_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """Given a value representation that does not exist, as a fuzzer found it."""
    (path,) = write([slide(pattern(32, 48), sparse=True)], tmp_path)
    column = b"\x48\x00\x1e\x02"
    content = path.read_bytes()
    assert column + b"SL" in content
    path.write_bytes(content.replace(column + b"SL", column + b"S\x7f"))
    with pytest.raises(UnreadableScan):
        open_scan(path)


def test_slides_of_one_size_are_chosen(tmp_path: Path) -> None:
    paths = write([slide(pattern(32, 48)), slide(pattern(32, 48))], tmp_path)
    with pytest.raises(SeveralScans) as error:
        received(tmp_path / "in", *paths)
    assert {(one["rows"], one["columns"]) for one in error.value.choices} == {(32, 48)}
