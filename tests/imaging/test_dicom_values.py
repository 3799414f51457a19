"""From stored values to real ones: the rescale and the Real World Value Map."""

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from imaging.errors import UnreadableScan
from tests.support.dicom.files import classic, enhanced
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
