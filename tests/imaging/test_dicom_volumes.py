"""Which slices of a series are one volume: rounded orientations, time points, copies."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from imaging.errors import BrokenGeometry, SeveralScans
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import classic, enhanced, write
from tests.support.dicom.scans import (
    LIMITS,
    SHAPE,
    at,
    centres,
    fresh,
    moved,
    taken,
    turned,
    voxels,
    whole,
)

EACH = ScanSelection(each=True)


def _turn(images: Sequence[Dataset], degrees: float) -> None:
    """Turns every second image about its normal, by half the angle to either side."""
    for k, image in enumerate(images):
        cosines = np.array(image.ImageOrientationPatient, float)
        row, column = cosines[:3], cosines[3:]
        angle = np.deg2rad(degrees / 2) * (1 if k % 2 else -1)
        turned_row = np.cos(angle) * row + np.sin(angle) * column
        row, column = turned_row, np.cos(angle) * column - np.sin(angle) * row
        image.ImageOrientationPatient = [f"{n:.9f}" for n in (*row, *column)]


def _series(volumes: Sequence[Any], affine: Any = None, **changes: Any) -> list[list[Dataset]]:
    """Classic images of one series: a list for each volume, with InstanceNumber slice by slice."""
    made = [classic(v, turned() if affine is None else affine, **changes) for v in volumes]
    for t, images in enumerate(made):
        for k, image in enumerate(images):
            image.SeriesInstanceUID = made[0][0].SeriesInstanceUID
            image.FrameOfReferenceUID = made[0][0].FrameOfReferenceUID
            image.InstanceNumber = t * len(images) + k + 1
    return made


def _flat(series: Sequence[Sequence[Dataset]]) -> list[Dataset]:
    return [image for images in series for image in images]


def _each(tmp_path: Path, images: Sequence[Dataset]) -> list[IncomingScan]:
    paths = write(images, tmp_path / "sent")
    found, refused = incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS, EACH)
    assert not refused
    return found


@pytest.mark.parametrize("degrees", [0.017, 0.19])
def test_orientations_that_alternate_by_rounding_are_one_volume(
    tmp_path: Path, degrees: float
) -> None:
    """On the mean orientation, and the warning has the figure."""
    images = classic(voxels(), turned())
    mean = np.array(images[0].ImageOrientationPatient, float)
    _turn(images[: SHAPE[2] - 1], degrees)  # six: three to either side
    scan = taken(tmp_path, *images)
    assert scan.grid == SHAPE
    axes = np.diag([-1, -1, 1]) @ scan.affine[:3, :2] / [0.7, 0.9]
    np.testing.assert_allclose(axes.T.ravel(), mean, atol=1e-6)
    (warning,) = scan.warnings
    assert f"{degrees / 2:.4f} degrees" in warning


def test_pixel_spacings_that_differ_by_rounding_are_one_volume(tmp_path: Path) -> None:
    images = classic(voxels(), turned())
    for image in images[::2]:
        image.PixelSpacing = ["0.9002", "0.7001"]
    assert taken(tmp_path, *images).grid == SHAPE


@pytest.mark.parametrize("each", [True, False])
def test_stacks_that_interleave_are_not_silent(tmp_path: Path, each: bool) -> None:
    """Given orientations too far apart for rounding, every scan and the choice say what differs."""
    images = classic(voxels((11, 9, 8)), turned())
    _turn(images, 0.5)
    if not each:
        with pytest.raises(SeveralScans, match=r"lie between slices.*orientation by 0\.50 degrees"):
            taken(tmp_path, *images)
        return
    found = _each(tmp_path, images)
    assert len(found) == 2
    for one in found:
        for scan in (one.scan, open_scan(one.path)):
            assert scan is not None
            assert "lie between slices" in " ".join(scan.warnings)


@pytest.mark.parametrize(
    "change",
    [
        lambda n: {"Rows": 8} if n % 2 else {},
        lambda n: {"PixelSpacing": ["1", "1"]} if n % 2 else {},
        lambda n: {"FrameOfReferenceUID": f"1.2.{n % 2}"},
        lambda n: {"EchoNumbers": n % 2},
    ],
)
def test_whatever_splits_a_series_slice_by_slice_is_said(
    tmp_path: Path, change: Callable[[int], dict[str, Any]]
) -> None:
    images = classic(voxels((11, 9, 8)), turned())
    for n, image in enumerate(images):
        for keyword, value in change(n).items():
            setattr(image, keyword, value)
    for one in _each(tmp_path, images):
        assert "lie between slices" in " ".join(open_scan(one.path).warnings)


def test_orientations_at_right_angles_are_not_said_to_interleave(tmp_path: Path) -> None:
    axial = classic(voxels(), turned())
    other = classic(voxels(), turned(0.3 + np.pi / 2))
    for image in other:
        image.SeriesInstanceUID = axial[0].SeriesInstanceUID
    assert all(not open_scan(n.path).warnings for n in _each(tmp_path, [*axial, *other]))


def _by(keyword: str, value: Callable[[int, int], object]) -> Callable[[int, int, Dataset], None]:
    """Sets an attribute by the volume and the slice."""

    def change(t: int, k: int, image: Dataset) -> None:
        setattr(image, keyword, value(t, k))

    return change


def _private_b_value(t: int, k: int, image: Dataset) -> None:
    block = image.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", str((0, 1000, 1000)[t]))


TIMES: dict[str, Callable[[int, int, Dataset], None]] = {
    "temporal position": _by("TemporalPositionIdentifier", lambda t, _k: t + 1),
    "acquisition": _by("AcquisitionNumber", lambda t, _k: t + 1),
    "acquisition time of each slice": _by("AcquisitionTime", lambda t, k: f"1200{t:02}.{k:03}"),
    "content time, interleaved": _by("ContentTime", lambda t, k: f"12{t:02}{k * 5 % 7:02}.5"),
    "trigger time that varies a little": _by("TriggerTime", lambda t, k: f"{300 * t + k * 1.5}"),
    "b-value": _by("DiffusionBValue", lambda t, _k: 500.0 * t),
    "echo time": _by("EchoTime", lambda t, _k: f"{10 + t * 4.6}"),
    "instance number alone": _by("InstanceNumber", lambda t, k: t * SHAPE[2] + k + 1),
    "instance number, place by place": _by("InstanceNumber", lambda t, k: k * 3 + t + 1),
    "instance number and a private b-value": _private_b_value,
}


@pytest.mark.parametrize("name", TIMES)
def test_classic_series_of_several_volumes(tmp_path: Path, name: str) -> None:
    """Parted by what tells the volumes apart, in order; each has its own voxels."""
    volumes = [voxels(seed=t) for t in range(3)]
    series = _series(volumes)
    for t, images in enumerate(series):
        for k, image in enumerate(images):
            TIMES[name](t, k, image)
    found = _each(tmp_path, _flat(series))
    for one, volume in zip(found, volumes, strict=True):
        scan = open_scan(one.path)
        np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), volume.ravel())
        assert not scan.warnings
    paths = sorted((tmp_path / "sent").iterdir())
    with pytest.raises(SeveralScans) as caught:
        incoming_scans(paths, tmp_path, LIMITS)
    assert [(c["stack"], c["slices"]) for c in caught.value.choices] == [(1, 7), (2, 7), (3, 7)]
    (second,), _ = incoming_scans(paths, fresh(tmp_path / "one"), LIMITS, ScanSelection(stack=2))
    assert np.array_equal(whole(open_scan(second.path)), whole(open_scan(found[1].path)))


def test_volumes_never_mix_echoes(tmp_path: Path) -> None:
    """Given that instance numbers order echoes otherwise at every second place, none is guessed."""
    series = _series([voxels(seed=t) for t in range(2)])
    for t, images in enumerate(series):
        for k, image in enumerate(images):
            image.InstanceNumber = k * 2 + (t + k) % 2
            image.EchoTime = ["10", "20", "30"][t + (k == 3)]
    with pytest.raises(BrokenGeometry, match="same position"):
        taken(tmp_path, *_flat(series))


def test_time_points_whose_positions_are_rounded(tmp_path: Path) -> None:
    series = _series([voxels(seed=t) for t in range(2)])
    for images in series:
        for image in images:
            image.TemporalPositionIdentifier = 1 + (images is series[1])
    moved(3, 0.004)(series[1])
    assert len(_each(tmp_path, _flat(series))) == 2


def test_copies_of_slices_are_left_out(tmp_path: Path) -> None:
    """The same slices under other UIDs: one volume, with a warning."""
    series = _series([voxels(), voxels()])
    scan = taken(tmp_path, *_flat(series))
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels().ravel())
    assert "7 slices were left out" in " ".join(scan.warnings)


def _two_acquisitions(volume: Any, other: Any) -> list[Dataset]:
    """Slices 0 to 3 by the first acquisition and 3 to 6 by the second."""
    first, second = _series([volume, other])
    for number, images in enumerate((first, second), 1):
        for image in images:
            image.AcquisitionNumber = number
    return [*first[:4], *second[3:]]


def test_acquisitions_that_share_a_slice_are_joined(tmp_path: Path) -> None:
    scan = taken(tmp_path, *_two_acquisitions(voxels(), voxels()))
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels().ravel())
    assert "1 slice was left out" in " ".join(scan.warnings)


def test_acquisitions_that_differ_in_a_shared_slice_are_a_choice(tmp_path: Path) -> None:
    images = _two_acquisitions(voxels(), voxels(seed=1))
    with pytest.raises(SeveralScans) as caught:
        taken(tmp_path / "all", *images)
    assert [(c["name"], c["slices"]) for c in caught.value.choices] == [
        ("MR series 3, volume 1 (acquisition 1)", 4),
        ("MR series 3, volume 2 (acquisition 2)", 4),
    ]
    one = taken(tmp_path / "one", *images, selection=ScanSelection(stack=2))
    assert one.grid == (11, 9, 4)


def test_phases_whose_slices_interleave_are_a_choice(tmp_path: Path) -> None:
    """Multi-phase CT, the second 0.8 mm further along: not one volume with uneven slices."""
    affine = turned()
    affine[:3, 3] += 0.8 * affine[:3, 2] / 2.5
    first, second = (_series([voxels(seed=n)], a)[0] for n, a in enumerate((turned(), affine)))
    for number, images in enumerate((first, second), 1):
        for image in images:
            image.AcquisitionNumber = number
            image.SeriesInstanceUID = first[0].SeriesInstanceUID
            image.FrameOfReferenceUID = first[0].FrameOfReferenceUID
    found = _each(tmp_path, [*first, *second])
    assert [n.scan.grid for n in found if n.scan] == [SHAPE, SHAPE]


@pytest.mark.parametrize(
    ("depths", "words"),
    [
        ([0, 2.5, 5, 7.5, 7.75, 10, 12.5], "0.25 to 2.50 mm, where 2.50 is usual"),
        ([0, 2.5, 5, 10, 12.5], "1 slice is missing: gaps of 2.50 to 5.00 mm, where 2.50 is usual"),
        ([0, 1, 4, 7, 10, 13], "uneven: 1.00 to 3.00 mm, where 3.00 is usual"),
    ],
)
def test_the_usual_gap_is_the_most_frequent(
    tmp_path: Path, depths: list[float], words: str
) -> None:
    images = classic(voxels((11, 9, len(depths))), np.eye(4))
    for image, depth in zip(images, depths, strict=True):
        image.ImagePositionPatient = [0, 0, depth]
    with pytest.raises(BrokenGeometry, match=words):
        taken(tmp_path, *images)


def test_an_incomplete_last_volume_says_so(tmp_path: Path) -> None:
    """Given a run that was stopped, told apart by instance numbers alone."""
    series = _series([voxels(seed=t) for t in range(3)])
    series[2] = series[2][:4]
    found = _each(tmp_path, _flat(series))
    scans = [open_scan(one.path) for one in found]
    assert [scan.grid[2] for scan in scans] == [7, 7, 4]
    assert [bool(scan.warnings) for scan in scans] == [False, False, True]
    assert "4 slices, where another volume of the series has 7" in scans[2].warnings[0]


def test_slices_that_are_all_apart_say_so(tmp_path: Path) -> None:
    """Given that a program gave every slice a frame of reference of its own."""
    images = classic(voxels(), turned())
    for n, image in enumerate(images):
        image.FrameOfReferenceUID = f"1.2.3.{n}"
    with pytest.raises(SeveralScans, match=r"single slice beside another.*frame of reference"):
        taken(tmp_path, *images)


def test_dimension_indices_part_the_frames_of_an_enhanced_image(tmp_path: Path) -> None:
    """As in a perfusion study whose temporal positions number the slices, not the volumes."""
    volumes = [voxels((4, 5, 3), seed=n) for n in range(11)]
    image = enhanced(volumes, turned())
    pointers = (tag_for_keyword(name) for name in ("StackID", "InStackPositionNumber"))
    image.DimensionIndexSequence = [
        Dataset.from_json({f"{0x00209165:08X}": {"vr": "AT", "Value": [f"{tag:08X}"]}})
        for tag in (*pointers, tag_for_keyword("TemporalPositionIndex"))
    ]
    for number, group in enumerate(image.PerFrameFunctionalGroupsSequence):
        (content,) = group.FrameContentSequence
        place = content.InStackPositionNumber
        content.DimensionIndexValues = [1, place, content.TemporalPositionIndex]
        content.TemporalPositionIndex = number
    found = _each(tmp_path, [image])
    for one, volume in zip(found, volumes, strict=True):
        values = at(open_scan(one.path), centres(volume.shape, turned()))
        np.testing.assert_array_equal(values, volume.ravel())
