"""The windows that DICOM files state, in the units of the voxels, and what is shown beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from imaging.scan_display import DisplayWindow, ScanDisplay
from tests.support.dicom.files import NUMBER, PATIENT, classic, enhanced, picture, write
from tests.support.dicom.scans import LIMITS, fresh, source_of, taken, turned, voxels, whole

SECRET = b"secret"


def display(scan: Scan) -> ScanDisplay:
    return source_of(scan).display(SECRET)


def ct(**changes: Any) -> list[Dataset]:
    return classic(voxels(), turned(), modality="CT", **changes)


def raw(image: Dataset, keyword: str, value: bytes) -> None:
    """A value that pydicom would refuse to set."""
    tag = Tag(keyword)
    image[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)


def test_every_window_of_the_file_is_listed_and_the_first_is_the_start(tmp_path: Path) -> None:
    images = ct(
        WindowCenter=["40", "-600"],
        WindowWidth=["400", "1500"],
        WindowCenterWidthExplanation=["SOFT TISSUE", "LUNG"],
    )
    assert display(taken(tmp_path, *images)).windows == (
        DisplayWindow(40, 400, "LINEAR", "SOFT TISSUE"),
        DisplayWindow(-600, 1500, "LINEAR", "LUNG"),
    )


@pytest.mark.parametrize(
    ("centre", "width", "function", "wanted"),
    [
        (b"40", b"0", "", ()),  # LINEAR needs at least 1 (C.11.2.1.2.1)
        (b"40", b"0.5", "LINEAR", ()),
        (b"40", b"1 ", "LINEAR", (DisplayWindow(40, 1),)),
        (b"0.4", b"0.5 ", "LINEAR_EXACT", (DisplayWindow(0.4, 0.5, "LINEAR_EXACT"),)),
        (b"40", b"0", "LINEAR_EXACT", ()),
        (b"40", b"-7", "SIGMOID", ()),
        (b"40", b"80", "SIGMOID", (DisplayWindow(40, 80, "SIGMOID"),)),
        (b"40", b"80", "sigmoid ", (DisplayWindow(40, 80, "SIGMOID"),)),
        (b"40", b"80", "LOGARITHMIC", ()),
        (b"nan ", b"80", "", ()),
        (b"40", b"inf ", "", ()),
        (b"abc ", b"80", "", ()),
        (b"40", b"x\\80", "", ()),
        (b"", b"80", "", ()),
        (b"40\\50", b"80", "", (DisplayWindow(40, 80),)),
        (b"40\\50 ", b"0\\90 ", "", (DisplayWindow(50, 90),)),
        (b"4e1 ", b"8E+1", "", (DisplayWindow(40, 80),)),
        (b"1e39", b"80", "", ()),  # more than single precision holds
        (b"40", b"1e39", "", ()),
    ],
)
def test_values_that_are_no_window_are_ignored(
    tmp_path: Path, centre: bytes, width: bytes, function: str, wanted: tuple[DisplayWindow, ...]
) -> None:
    images = ct()
    for image in images:
        raw(image, "WindowCenter", centre)
        raw(image, "WindowWidth", width)
        if function:
            image.VOILUTFunction = function
    scan = taken(tmp_path, *images)
    assert display(scan).windows == wanted
    assert whole(scan).any()


@pytest.mark.parametrize(
    ("centres", "wanted"),
    [
        ([40, 40, 40, 40, 40, 40, 40], (40, "all")),
        ([50, 40, 40, 40, 30, 40, 40], (40, "most")),
        ([None, 40, 40, None, None, None, None], (40, "most")),
        ([10, 20, 30, 44, 50, 60, 70], (44, "middle")),
        ([10, 10, 10, None, 50, 50, 50], (10, "middle")),
    ],
)
def test_slices_that_differ_give_the_most_common_window(
    tmp_path: Path, centres: list[int | None], wanted: tuple[int, str]
) -> None:
    images = ct()
    for image, centre in zip(images, centres, strict=True):
        if centre is not None:
            image.WindowCenter, image.WindowWidth = centre, 400
    (window,) = display(taken(tmp_path, *images)).windows
    assert (window.centre, window.slices) == wanted


def lut(**values: Any) -> Sequence:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return Sequence([item])


def own(image: Dataset) -> None:
    for number, group in enumerate(image.PerFrameFunctionalGroupsSequence):
        centre = 300 if number % 3 else 700
        group.FrameVOILUTSequence = lut(
            WindowCenter=centre, WindowWidth=600, VOILUTFunction="LINEAR_EXACT"
        )


def shared(image: Dataset) -> None:
    image.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence = lut(
        WindowCenter=["1", "2"], WindowWidth=["10", "20"], WindowCenterWidthExplanation=["A", "B"]
    )


def both(image: Dataset) -> None:
    shared(image)
    own(image)


def broken(image: Dataset) -> None:
    own(image)
    shared(image)
    for group in image.PerFrameFunctionalGroupsSequence:
        raw(group.FrameVOILUTSequence[0], "WindowCenter", b"abc ")


OWN = (DisplayWindow(300, 600, "LINEAR_EXACT", "", "most"),)
TWO = (DisplayWindow(1, 10, "LINEAR", "A"), DisplayWindow(2, 20, "LINEAR", "B"))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (own, OWN),
        (shared, TWO),
        (both, OWN),
        (broken, TWO),
    ],
)
def test_enhanced_objects_state_windows_in_functional_groups(
    tmp_path: Path, change: Callable[[Dataset], Any], wanted: tuple[DisplayWindow, ...]
) -> None:
    image = enhanced([voxels()], turned())
    change(image)
    assert display(taken(tmp_path, image)).windows == wanted


def test_an_element_of_no_use_in_a_functional_group_refuses_nothing(tmp_path: Path) -> None:
    """A sequence that is stored as UN, and is too long for pydicom to decode it as one."""
    image, tag = enhanced([voxels()], turned()), Tag("ReferencedImageSequence")
    own(image)
    value = RawDataElement(tag, "UN", 70_000, bytes(70_000), 0, False, True)
    image.PerFrameFunctionalGroupsSequence[0][tag] = value
    assert display(taken(tmp_path, image)).windows == OWN


def levels(window: DisplayWindow, values: Any) -> Any:
    """The output of C.11.2.1.2.1 and C.11.2.1.3.2, from 0 to 1."""
    linear = window.function == "LINEAR"
    middle, width = (
        (window.centre - 0.5, window.width - 1) if linear else (window.centre, window.width)
    )
    return np.clip((values - middle) / width + 0.5, 0, 1)


@pytest.mark.parametrize("slope", [None, 2.0])
@pytest.mark.parametrize("bits", [8, 12])
def test_an_image_of_monochrome1_has_its_window_inverted_with_its_values(
    tmp_path: Path, bits: int, slope: float | None
) -> None:
    stored = np.random.default_rng(0).integers(0, 1 << bits, (8, 9)).astype(np.uint16)
    image = picture(stored, BitsStored=bits, HighBit=bits - 1)
    image.PhotometricInterpretation = "MONOCHROME1"
    image.WindowCenter, image.WindowWidth = 100, 60
    modality = stored.astype(float)
    if slope is not None:
        image.RescaleSlope, image.RescaleIntercept = slope, 7
        modality = modality * slope + 7
    scan = taken(tmp_path, image)
    (window,) = display(scan).windows
    wanted = 1 - levels(DisplayWindow(100, 60), modality)
    assert np.abs(levels(window, whole(scan)[0].astype(float)) - wanted).max() < 1e-9
    assert not display(scan).inverted


@pytest.mark.parametrize(("kind", "inverted"), [("MONOCHROME1", True), ("MONOCHROME2", False)])
def test_a_volume_of_monochrome1_is_shown_inverted(
    tmp_path: Path, kind: str, inverted: bool
) -> None:
    images = ct(PhotometricInterpretation=kind, WindowCenter=40, WindowWidth=400)
    scan = taken(tmp_path, *images)
    assert display(scan).inverted is inverted
    assert display(scan).windows == (DisplayWindow(40, 400),)
    assert np.array_equal(whole(scan)[0], whole(taken(tmp_path / "other", *ct()))[0])


def mapped(slope: float, intercept: float, **changes: Any) -> list[Dataset]:
    """A series whose only scale is a Real World Value Map."""
    mapping = Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, intercept
    images = ct(**changes)
    for image in images:
        image.RealWorldValueMappingSequence = Sequence([mapping])
        for keyword in ("RescaleSlope", "RescaleIntercept"):
            if keyword in image:
                delattr(image, keyword)
    return images


def test_a_window_follows_the_values_into_the_unit_of_the_real_world_value_map(
    tmp_path: Path,
) -> None:
    """The window refers to the modality LUT's output, which is the stored values here."""
    scan = taken(tmp_path, *mapped(0.5, -3.0, WindowCenter=100, WindowWidth=60))
    (window,) = display(scan).windows
    values = whole(scan)[0].astype(float)
    stored = (values + 3) / 0.5
    assert np.abs(levels(window, values) - levels(DisplayWindow(100, 60), stored)).max() < 1e-9


@pytest.mark.parametrize(
    ("changes", "unit"),
    [
        ({}, "HU"),
        ({"RescaleType": "HU"}, "HU"),
        ({"RescaleType": "US"}, "HU"),
        ({"RescaleType": "MGML"}, ""),  # an iodine map
        ({"Modality": "MR"}, ""),
    ],
)
def test_values_are_in_hu_where_ct_states_no_other_unit(
    tmp_path: Path, changes: dict[str, str], unit: str
) -> None:
    scan = taken(tmp_path, *ct(**changes))
    assert (display(scan).value_unit, source_of(scan).value_unit) == (unit, unit)


def test_real_world_values_are_in_no_known_unit(tmp_path: Path) -> None:
    assert display(taken(tmp_path, *mapped(0.5, -3.0))).value_unit == ""


def test_a_window_that_a_map_makes_infinite_is_ignored(tmp_path: Path) -> None:
    images = mapped(1e20, 0.0, WindowCenter=1e15, WindowWidth=60)
    assert display(taken(tmp_path, *images)).windows == ()


def test_a_wrong_window_in_a_deflated_or_deidentified_file_refuses_nothing(tmp_path: Path) -> None:
    images = ct()
    for image in images:
        raw(image, "WindowCenter", b"abc ")
        raw(image, "WindowWidth", b"80")
    paths = write(images, tmp_path / "sent")
    selection = ScanSelection(deidentify=True)
    (one,), _ = incoming_scans(paths, fresh(tmp_path / "p"), LIMITS, selection, SECRET)
    assert display(open_scan(one.path)).windows == ()


# what is written beside the image


def deidentified(folder: Path, images: list[Dataset], **selection: Any) -> ScanDisplay:
    paths = write(images, folder / "sent")
    wanted = ScanSelection(deidentify=True, **selection)
    (one,), _ = incoming_scans(paths, fresh(folder / "p"), Limits(), wanted, SECRET)
    return display(open_scan(one.path))


def test_a_patient_has_one_pseudonym_with_and_without_deidentification(tmp_path: Path) -> None:
    kept = display(taken(tmp_path, *ct()))
    removed = deidentified(tmp_path / "removed", ct())
    assert kept.subject == removed.subject
    assert len(kept.subject) == 16
    assert not {PATIENT, NUMBER} & {kept.subject, removed.subject}
    assert (kept.series_number, removed.series_number) == (3, 3)


@pytest.mark.parametrize(
    ("changes", "date"),
    [
        ({}, "2020-01-02"),
        ({"StudyDate": "2020.01.02"}, "2020-01-02"),
        ({"StudyDate": "", "SeriesDate": "20200103"}, "2020-01-03"),
        ({"StudyDate": "19000101"}, None),
        ({"StudyDate": ""}, None),
        ({"LongitudinalTemporalInformationModified": "MODIFIED"}, None),
        ({"LongitudinalTemporalInformationModified": "UNMODIFIED"}, "2020-01-02"),
    ],
)
def test_a_date_is_shown_only_where_it_is_the_true_one(
    tmp_path: Path, changes: dict[str, str], date: str | None
) -> None:
    assert display(taken(tmp_path, *ct(**changes))).study_date == date
    assert deidentified(tmp_path / "removed", ct(**changes)).study_date is None


def test_a_subject_is_the_id_that_another_deidentification_gave(tmp_path: Path) -> None:
    images = ct(PatientIdentityRemoved="YES", PatientID="LIDC-0042")
    assert display(taken(tmp_path, *images)).subject == "LIDC-0042"


def test_the_display_survives_json_with_members_of_a_later_version() -> None:
    from dataclasses import asdict

    shown = ScanDisplay(TWO, True, "HU", "ABC", 3, "2020-01-02")
    assert ScanDisplay.of_json(asdict(shown) | {"later": 1}) == shown
    assert ScanDisplay.of_json(None) == ScanDisplay()
