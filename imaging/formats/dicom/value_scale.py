"""From stored values to values with a unit: the rescale, or else the Real World Value Map."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydicom import Dataset

from imaging.errors import UnreadableScan

_LARGEST = 1e30
"""Bound of slope and intercept, so that scaled 32-bit values fit into float32."""
_MAP = "RealWorldValueMappingSequence"


@dataclass(frozen=True, slots=True)
class ValueScale:
    """A frame's values are slope x stored value + intercept."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    """Rescale Type (PS3.3, C.11.1.1.2), such as `HU`; empty where none is stated."""
    note: str = ""
    """A warning about where the numbers come from, or empty."""
    mapped: bool = False
    """Whether it is that of the Real World Value Map, not that of the modality LUT."""

    @classmethod
    def of(cls, groups: list[Dataset]) -> "ValueScale":
        """That of a frame, whose attributes are in `groups`, by precedence.

        Rescale Slope and Intercept (PS3.3, C.11.1.1.2) come first, for they are what programs and
        networks know. The Real World Value Map (C.7.6.16.2.11) is used where there is no other. A
        Modality LUT replaces both; it is applied elsewhere. Raises UnreadableScan for a scale that
        is used and cannot be; an unused one may be anything.
        """
        if "ModalityLUTSequence" in groups[-1]:
            return cls()
        slope, intercept = (_first(groups, name) for name in ("RescaleSlope", "RescaleIntercept"))
        rescaled = slope is not None or intercept is not None
        scale = cls(
            *_checked("Rescale Slope or Rescale Intercept", slope, intercept),
            unit=str(_first(groups, "RescaleType") or "").strip().upper(),
        )
        mapping = _mapping(groups)
        if mapping is None:
            return scale
        real = mapping.get("RealWorldValueSlope"), mapping.get("RealWorldValueIntercept")
        if None in real:
            return scale if rescaled else cls(note=_TABLE)
        if not rescaled:
            real_scale = _checked("Real World Value Slope or Intercept", *real)
            return cls(*real_scale, note=_MAPPED, mapped=True)
        differs = _is_identity(scale.slope, scale.intercept) and not _is_identity(*real)
        return replace(scale, note=_UNMAPPED) if differs else scale


_MAPPED = (
    "The voxel values are those of the Real World Value Map, for the images have no rescale slope."
)
_TABLE = (
    "The voxel values are stored values: the only scale is a Real World Value Map with a table, "
    "which is not applied."
)
_UNMAPPED = (
    "The voxel values are stored values, as the rescale says; the Real World Value Map, which "
    "gives other values, is not applied."
)


def _mapping(groups: Iterable[Dataset]) -> Dataset | None:
    """The first mapping: an item of the header's sequence, or of a functional group."""
    for group in groups:
        if group.get(_MAP):
            item: Dataset = group[_MAP].value[0]
            return item
        if "RealWorldValueIntercept" in group or "RealWorldValueLUTData" in group:
            return group
    return None


def _first(groups: Iterable[Dataset], name: str) -> Any:
    return next((g[name].value for g in groups if name in g and g[name].value is not None), None)


def _is_identity(slope: Any, intercept: Any) -> bool:
    try:
        return (float(slope), float(intercept)) == (1, 0)
    except (TypeError, ValueError):
        return False


def _checked(name: str, slope: Any, intercept: Any) -> tuple[float, float]:
    try:
        slope = 1.0 if slope is None else float(slope)
        intercept = 0.0 if intercept is None else float(intercept)
    except (TypeError, ValueError) as error:
        raise _unusable(name, "not a number") from error
    if slope == 0:
        raise _unusable(name, "0, which makes every voxel the same")
    if not (abs(slope) < _LARGEST and abs(intercept) < _LARGEST):
        raise _unusable(name, "not finite, or too large")
    return slope, intercept


def _unusable(name: str, problem: str) -> UnreadableScan:
    return UnreadableScan(
        f"{name} is {problem}.",
        expected="Output units = slope x stored value + intercept (PS3.3, C.11.1.1.2), with a "
        "slope other than 0.",
        hint="Export the series again, with its rescale attributes.",
    )
