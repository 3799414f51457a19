"""From stored values to real ones: the rescale and the Real World Value Map."""

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from imaging.errors import UnreadableScan
from tests.support.dicom.files import classic, enhanced, picture
from tests.support.dicom.scans import taken, turned, voxels, whole


def _map(slope: float | None = 0.25, intercept: float = -7.0) -> Dataset:
    item = Dataset()
    item.LUTLabel, item.LUTExplanation = "SUV", "standardised uptake"
    units = Dataset()
    units.CodeValue, units.CodingSchemeDesignator = "g/ml{SUVbw}", "UCUM"
    units.CodeMeaning = "SUV body weight"
    item.MeasurementUnitsCodeSequence = Sequence([units])
    item.add_new(0x00409216, "SS", -32768)
    item.add_new(0x00409211, "SS", 32767)
    if slope is None:
        item.RealWorldValueLUTData = [0.0] * 65536
    else:
        item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    return item


def _sorted(values: Any) -> Any:
    return np.sort(np.asarray(values, float).ravel())


def test_a_map_without_a_rescale_is_applied(tmp_path: Path) -> None:
    """As highdicom applies it, and it is said."""
    images = classic(voxels(), turned(), RealWorldValueMappingSequence=Sequence([_map()]))
    scan = taken(tmp_path, *images)
    how: dict[str, Any] = {"apply_real_world_transform": True, "apply_modality_transform": False}
    expected = [highdicom.Image.from_dataset(n).get_frame(1, **how) for n in images]
    np.testing.assert_allclose(_sorted(whole(scan)), _sorted(expected), atol=1e-3)
    assert "Real World Value Map" in " ".join(scan.warnings)


def test_the_map_of_an_enhanced_image(tmp_path: Path) -> None:
    image = enhanced([voxels()], turned())
    shared = image.SharedFunctionalGroupsSequence[0]
    shared.RealWorldValueMappingSequence = Sequence([_map(slope=2.0)])
    scan = taken(tmp_path, image)
    np.testing.assert_array_equal(_sorted(whole(scan)), _sorted(voxels() * 2.0 - 7))
    assert "Real World Value Map" in " ".join(scan.warnings)


@pytest.mark.parametrize(
    ("slope", "rescale", "factor", "said"),
    [
        (0.25, {"RescaleSlope": "3", "RescaleIntercept": "0"}, 3, False),
        (0.25, {"RescaleSlope": "1", "RescaleIntercept": "0"}, 1, True),
        (None, {}, 1, True),
    ],
)
def test_a_map_that_is_not_applied_is_said(
    tmp_path: Path, slope: float | None, rescale: dict[str, Any], factor: int, said: bool
) -> None:
    sequence = Sequence([_map(slope)])
    images = classic(voxels(), turned(), RealWorldValueMappingSequence=sequence, **rescale)
    scan = taken(tmp_path, *images)
    np.testing.assert_array_equal(_sorted(whole(scan)), _sorted(voxels().astype(int) * factor))
    assert bool(scan.warnings) == said


def test_a_map_that_makes_all_voxels_equal_is_refused(tmp_path: Path) -> None:
    images = classic(voxels(), turned(), RealWorldValueMappingSequence=Sequence([_map(0.0)]))
    with pytest.raises(UnreadableScan, match="Real World Value Slope or Intercept is 0"):
        taken(tmp_path, *images)


@pytest.mark.parametrize("slope", [0.0, float("inf")])
@pytest.mark.parametrize(("rescale", "said"), [("3", False), ("1", True)])
def test_an_unused_map_refuses_nothing(
    tmp_path: Path, slope: float, rescale: str, *, said: bool
) -> None:
    """Given a rescale, which is what is applied, the map may be impossible."""
    scale = {"RescaleSlope": rescale, "RescaleIntercept": "0"}
    sequence = Sequence([_map(slope)])
    images = classic(voxels(), turned(), RealWorldValueMappingSequence=sequence, **scale)
    scan = taken(tmp_path, *images)
    expected = voxels().astype(int) * int(rescale)
    np.testing.assert_array_equal(_sorted(whole(scan)), _sorted(expected))
    assert bool(scan.warnings) == said


def test_the_rescale_of_a_modality_lut_is_not_used(tmp_path: Path) -> None:
    table = Dataset()
    table.add_new(0x00283002, "US", [4, 0, 16])
    table.ModalityLUTType = "US"
    table.add_new(0x00283006, "US", [7, 5, 3, 1])
    stored = np.arange(24, dtype=np.int16).reshape(3, 4, 2) % 4
    images = classic(
        stored, turned(), ModalityLUTSequence=Sequence([table]), RescaleSlope="0",
        RealWorldValueMappingSequence=Sequence([_map(0.0)]),
    )  # fmt: skip
    np.testing.assert_array_equal(
        _sorted(whole(taken(tmp_path, *images))), _sorted(np.array([7, 5, 3, 1])[stored])
    )


def test_colours_have_no_scale_that_could_refuse_them(tmp_path: Path) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    image = picture(colors, RealWorldValueMappingSequence=Sequence([_map(0.0)]), RescaleSlope="0")
    scan = taken(tmp_path, image)
    np.testing.assert_array_equal(whole(scan), np.moveaxis(colors, -1, 0))
    assert not scan.warnings
