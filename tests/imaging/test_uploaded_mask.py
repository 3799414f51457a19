"""Masks that come with a scan: DICOM Segmentations of any order of frames, and label maps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from imaging.errors import BadRequest, UnreadableScan, UnsupportedScan
from imaging.formats.dicom.color import cielab, hex_of_cielab
from imaging.formats.dicom.objects import write_object
from imaging.formats.dicom.seg_header import SegHeader
from imaging.formats.dicom.seg_read import read_seg
from imaging.mask_description import Code, MaskDescription, Segment
from imaging.scan import Scan, in_memory
from imaging.uploaded_mask import UploadedMask, uploaded_label_map
from tests.support.dicom.files import classic, enhanced, picture
from tests.support.dicom.scans import taken, turned, voxels

TISSUE = Code("85756007", "SCT", "Tissue")
SEGMENTS = (
    Segment(1, "Tumour", "#c81e5a", TISSUE, Code("108369006", "SCT", "Neoplasm")),
    Segment(3, "Vessel", "#2060f0", TISSUE, Code("59820001", "SCT", "Blood vessel")),
)
DESCRIPTION = MaskDescription(SEGMENTS, "a-model", "1")


def mask_of(grid: tuple[int, ...]) -> NDArray[np.uint8]:
    """Not symmetric along any axis, on some slices alone."""
    mask = np.random.default_rng(1).choice([0, 1, 3], grid, p=[0.8, 0.1, 0.1]).astype(np.uint8)
    mask[..., -1] = 0
    return mask


def seg(folder: Path, scan: Scan, kind: str = "dicom-seg") -> tuple[Path, NDArray[np.uint8]]:
    path, mask = folder / "mask.dcm", mask_of(scan.grid)
    write_object(path, kind, mask, scan, DESCRIPTION, None, 1.0)
    return path, mask


def read(path: Path, scan: Scan) -> UploadedMask:
    return read_seg(path, SegHeader.read(path), scan)


def edited(path: Path, change: Callable[[Dataset], Any]) -> Path:
    """The object with another header, or frames in another order."""
    dataset = dcmread(path)
    change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def reordered(order: Callable[[list[int]], list[int]]) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        places = order(list(range(int(dataset.NumberOfFrames))))
        groups, frames = dataset.PerFrameFunctionalGroupsSequence, stored(dataset)
        dataset.PerFrameFunctionalGroupsSequence = [groups[n] for n in places]
        put(dataset, frames[places])

    return change


def stored(dataset: Dataset) -> NDArray[np.uint8]:
    return dataset.pixel_array.reshape(-1, int(dataset.Rows), int(dataset.Columns))


def put(dataset: Dataset, frames: NDArray[Any]) -> None:
    bits = int(dataset.BitsAllocated)
    data = np.packbits(frames.ravel(), bitorder="little") if bits == 1 else frames
    dataset.PixelData = data.tobytes() + b"\0" * (len(data.tobytes()) % 2)


def turned_over(dataset: Dataset) -> None:
    """The same voxels, with rows from below and columns from the right."""
    frames = stored(dataset)
    rows, columns = frames.shape[1:]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    plane = shared.PlaneOrientationSequence[0]
    cosines = np.array(plane.ImageOrientationPatient, float)
    down, across = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    move = cosines[:3] * across * (columns - 1) + cosines[3:] * down * (rows - 1)
    plane.ImageOrientationPatient = [f"{n:.9f}" for n in -cosines]
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        first = np.array(place.ImagePositionPatient, float) + move
        place.ImagePositionPatient = [f"{n:.9f}" for n in first]
    put(dataset, frames[:, ::-1, ::-1])


def exchanged(dataset: Dataset) -> None:
    """The same voxels, with rows for columns."""
    frames = stored(dataset)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    plane, measures = shared.PlaneOrientationSequence[0], shared.PixelMeasuresSequence[0]
    plane.ImageOrientationPatient = [
        *plane.ImageOrientationPatient[3:],
        *plane.ImageOrientationPatient[:3],
    ]
    measures.PixelSpacing = measures.PixelSpacing[::-1]
    dataset.Rows, dataset.Columns = frames.shape[2], frames.shape[1]
    put(dataset, frames.transpose(0, 2, 1))


def fractional(most: int | None) -> Callable[[Dataset], None]:
    """The same voxels by fractions of 200, with this Maximum Fractional Value."""

    def change(dataset: Dataset) -> None:
        frames = stored(dataset)
        dataset.SegmentationType, dataset.SegmentationFractionalType = "FRACTIONAL", "PROBABILITY"
        if most is not None:
            dataset.MaximumFractionalValue = most
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        put(dataset, np.where(frames > 0, 100, 99).astype(np.uint8))

    return change


def number_all(dataset: Dataset, segment: int) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = segment


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    return taken(tmp_path / "series", *classic(voxels(), turned()))


@pytest.mark.parametrize("kind", ["dicom-seg", "dicom-labelmap"])
@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        reordered(lambda places: places[::-1]),
        reordered(lambda places: list(np.random.default_rng(0).permutation(places))),
        turned_over,
        exchanged,
    ],
)
def test_a_segmentation_is_read_whatever_the_order_of_its_frames(
    tmp_path: Path, scan: Scan, kind: str, change: Callable[[Dataset], None]
) -> None:
    path, mask = seg(tmp_path, scan, kind)
    given = read(edited(path, change), scan)
    assert np.array_equal(given.numbers[mask == 0], mask[mask == 0])
    names = {segment.number: segment for segment in given.segments}
    for segment in SEGMENTS:
        (number,) = np.unique(given.numbers[mask == segment.number])
        shown = names[int(number)]
        assert (shown.name, shown.type) == (segment.name, segment.type)
        assert shown.color == segment.color
    assert given.algorithms == ("AUTOMATIC",)


def test_frames_of_an_enhanced_series_are_placed_by_their_position(tmp_path: Path) -> None:
    scan = taken(tmp_path / "series", enhanced([voxels()], turned()))
    path, mask = seg(tmp_path, scan)
    given = read(path, scan)
    assert np.array_equal(given.numbers > 0, mask > 0)


def test_a_mask_of_an_image_without_a_position(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (11, 9)).astype(np.uint8)
    scan = taken(tmp_path / "series", picture(pixels))
    path, mask = seg(tmp_path, scan)
    assert np.array_equal(read(path, scan).numbers > 0, mask > 0)
    other = taken(tmp_path / "other", picture(pixels[:-1]))
    with pytest.raises(BadRequest, match="11 rows"):
        read(path, other)


def test_fractions_are_drawn_from_one_half(tmp_path: Path, scan: Scan) -> None:
    path, mask = seg(tmp_path, scan)
    given = read(edited(path, fractional(200)), scan)
    assert np.array_equal(given.numbers > 0, mask > 0)
    (note,) = given.notes
    assert "one half" in note


def test_segments_that_overlap_are_refused(tmp_path: Path, scan: Scan) -> None:
    path, _ = seg(tmp_path, scan)
    edited(path, lambda dataset: put(dataset, np.ones_like(stored(dataset))))
    with pytest.raises(BadRequest, match="overlap"):
        read(path, scan)


def moved(mm: float) -> NDArray[np.float64]:
    affine = turned()
    affine[:3, 3] += affine[:3, 0] / np.linalg.norm(affine[:3, 0]) * mm
    return affine


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (lambda: (voxels(), moved(0.3)), "not voxels"),
        (lambda: (voxels(), turned() @ np.diag([1.1, 1, 1, 1])), "not voxels"),
        (lambda: (voxels(), turned(0.31)), "not voxels"),
        (lambda: (voxels((6, 9, 7)), turned()), "beyond"),
        (lambda: (voxels((11, 9, 4)), turned()), "beyond"),
        (lambda: (voxels(), moved(0.7 * 40)), "beyond"),
    ],
)
def test_a_mask_on_another_grid_is_refused(
    tmp_path: Path, scan: Scan, other: Callable[[], tuple[Any, Any]], reason: str
) -> None:
    path, _ = seg(tmp_path, scan)
    with pytest.raises(BadRequest, match=reason):
        read(path, taken(tmp_path / "other", *classic(*other())))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda dataset: setattr(dataset, "SegmentationType", "SURFACE"), UnsupportedScan),
        (lambda dataset: setattr(dataset, "PixelData", dataset.PixelData[:8]), UnreadableScan),
        (lambda dataset: delattr(dataset, "SegmentSequence"), UnreadableScan),
        (lambda dataset: setattr(dataset, "NumberOfFrames", 7_000_000), UnreadableScan),
        (lambda dataset: setattr(dataset, "NumberOfFrames", 0), UnreadableScan),
        (lambda dataset: delattr(dataset, "NumberOfFrames"), UnreadableScan),
        (lambda dataset: number_all(dataset, 0), UnreadableScan),
        (fractional(None), UnreadableScan),
        (fractional(0), UnreadableScan),
        (
            lambda dataset: setattr(dataset.SegmentSequence[0], "SegmentNumber", 9),
            UnreadableScan,
        ),
    ],
)
def test_a_damaged_segmentation_is_refused(
    tmp_path: Path, scan: Scan, change: Callable[[Dataset], None], error: type[Exception]
) -> None:
    path, _ = seg(tmp_path, scan)
    edited(path, change)
    with pytest.raises(error):
        read(path, scan)


@pytest.mark.parametrize(("kind", "wrong"), [(np.uint32, 65_537), (np.int16, -1), (np.uint8, 2)])
def test_numbers_that_no_segment_has_are_refused(
    tmp_path: Path, scan: Scan, kind: type[np.integer[Any]], wrong: int
) -> None:
    def change(dataset: Dataset) -> None:
        frames = stored(dataset).astype(kind)
        frames[frames == 1] = wrong
        dataset.BitsAllocated = dataset.BitsStored = 8 * frames.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(wrong < 0)
        put(dataset, frames)

    path, _ = seg(tmp_path, scan, "dicom-labelmap")
    with pytest.raises(UnreadableScan):
        read(edited(path, change), scan)


def test_a_segmentation_without_a_transfer_syntax_is_refused(tmp_path: Path, scan: Scan) -> None:
    path, _ = seg(tmp_path, scan)
    dataset = dcmread(path)
    del dataset.file_meta
    dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    with pytest.raises(UnreadableScan):
        read(path, scan)


def test_rle_and_deflated_segmentations_are_read(tmp_path: Path, scan: Scan) -> None:
    path, mask = seg(tmp_path, scan, "dicom-labelmap")
    dataset = dcmread(path)
    dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)
    assert np.array_equal(read(path, scan).numbers, mask)
    plain, mask = seg(tmp_path, scan)
    deflated = dcmread(plain)
    assert deflated.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    deflated.save_as(plain, enforce_file_format=True)
    assert np.array_equal(read(plain, scan).numbers > 0, mask > 0)


def test_labels_without_a_colour_or_a_name_get_one(tmp_path: Path, scan: Scan) -> None:
    path, _ = seg(tmp_path, scan)

    def bare(dataset: Dataset) -> None:
        for item in dataset.SegmentSequence:
            del item.RecommendedDisplayCIELabValue
            item.SegmentLabel = ""
        dataset.SegmentSequence[1].SegmentedPropertyTypeCodeSequence = []

    given = read(edited(path, bare), scan)
    assert [segment.name for segment in given.segments] == ["Neoplasm", "Segment 2"]
    assert len({segment.color for segment in given.segments}) == 2


@pytest.mark.parametrize("color", ["#000000", "#ffffff", "#c81e5a", "#2060f0", "#00ff00"])
def test_colours_survive_cielab(color: str) -> None:
    lightness, a, b = cielab(color)
    scale = ((lightness, 0, 100), (a, -128, 255), (b, -128, 255))
    assert hex_of_cielab([round((n - low) / width * 65535) for n, low, width in scale]) == color


# label maps


def label(values: NDArray[Any], affine: NDArray[np.float64]) -> Scan:
    from dataclasses import replace

    return replace(in_memory(values[None]), affine=affine)


def test_a_label_map_is_brought_to_the_axes_of_its_scan(scan: Scan) -> None:
    mask = mask_of(scan.grid)
    flipped = scan.affine.copy()
    flipped[:3, 3] += flipped[:3, 0] * (scan.grid[0] - 1)
    flipped[:3, 0] *= -1
    given = uploaded_label_map(label(mask[::-1].astype(np.float32), flipped), scan)
    assert np.array_equal(given.numbers, mask)
    assert [(one.number, one.name) for one in given.segments] == [(1, "Label 1"), (3, "Label 3")]
    assert not given.instances


def test_many_numbers_are_single_objects(scan: Scan) -> None:
    numbers = np.arange(np.prod(scan.grid)).reshape(scan.grid) % 400
    given = uploaded_label_map(label(numbers.astype(np.uint16), scan.affine), scan)
    assert given.instances
    assert len(given.segments) == 1
    assert np.array_equal(given.numbers, numbers)


def test_an_empty_label_map_has_a_label_for_formats_that_need_one(
    tmp_path: Path, scan: Scan
) -> None:
    given = uploaded_label_map(label(np.zeros(scan.grid, np.uint8), scan.affine), scan)
    assert [segment.name for segment in given.segments] == ["Label 1"]
    description = MaskDescription(given.segments, "m", "1")
    for kind in ("dicom-seg", "dicom-labelmap", "dicom-rtstruct"):
        write_object(tmp_path / kind, kind, given.numbers, scan, description, None, 1.0)
    assert not read(tmp_path / "dicom-seg", scan).numbers.any()


@pytest.mark.parametrize(
    ("values", "reason"),
    [(-1, "not label"), (0.5, "not label"), (np.nan, "not label"), (70_000, "70,000")],
)
def test_values_that_are_no_labels_are_refused(scan: Scan, values: float, reason: str) -> None:
    wrong = np.zeros(scan.grid, np.float64)
    wrong[2, 3, 4] = values
    with pytest.raises(BadRequest, match=reason):
        uploaded_label_map(label(wrong, scan.affine), scan)


def test_a_label_map_of_another_shape_is_refused(scan: Scan) -> None:
    wrong = np.zeros((3, 4, 5), np.uint8)
    with pytest.raises(BadRequest, match="shape"):
        uploaded_label_map(label(wrong, scan.affine), scan)
