"""The metrics of one case: a mask compared with its reference, label by label."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.metrics import dice, hd95, size_error, surface_dice
from imaging.metrics.objects import THRESHOLDS, Matches
from imaging.scan import Scan
from models.any_card import AnyCard
from models.card_parts import Label

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name in files and its title in printed tables."""

    name: str
    title: str
    decimals: int = 3
    printed: bool = True
    """Whether printed tables show it; files contain all."""
    recorded: bool = False
    """Whether a card records it in each precision: it is a fraction."""


_CELLS = ("v_rand", "v_info", "variation_of_information")
_PRECISION = tuple(f"ap_{round(100 * threshold)}" for threshold in THRESHOLDS)

METRICS = (
    Metric("dice", "Dice", recorded=True),
    Metric("surface_dice", "surface Dice at {tolerance:g} {distance}", recorded=True),
    Metric("hd95", "HD95, {distance}", 2),
    Metric("size_error", "size error, {size}"),
    Metric("size_error_percent", "size error, %", 1),
    Metric("objects", "objects in the reference", 1),
    Metric("found_objects", "objects predicted", 1),
    *(
        Metric(
            name,
            f"precision at IoU {threshold:.2f}",
            printed=threshold in (0.5, 0.75),
            recorded=threshold == 0.5,
        )
        for name, threshold in zip(_PRECISION, THRESHOLDS, strict=True)
    ),
    Metric("ap", f"precision, {THRESHOLDS[0]:.2f} to {THRESHOLDS[-1]:.2f}", recorded=True),
    Metric("seg", "SEG", recorded=True),
    Metric("pixel_error", "pixel error", 4, recorded=True),
    Metric("v_rand", "V-Rand", recorded=True),
    Metric("v_info", "V-Info", recorded=True),
    Metric("variation_of_information", "variation of information, bits"),
    Metric("warping_error", "warping error", 5, recorded=True),
)
"""All metrics, in the order of every table. The card and MetricOptions decide which apply."""


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """Which metrics are measured, and in which units."""

    tolerance: float = 1.0
    """Tolerance of the surface Dice, in units of `distance_unit`."""
    distance_unit: str = "mm"
    """`mm`, or `px` for images without spacing."""
    size_unit: str = "ml"
    """`ml` for volumes, `mm2` or `px` for images."""
    membrane: int | None = None
    """Value of the label that is a boundary between cells; None: there is none."""

    def title(self, metric: Metric) -> str:
        """The metric's title in a printed table, with its unit."""
        return metric.title.format(
            tolerance=self.tolerance,
            distance=self.distance_unit,
            size=self.size_unit.replace("2", "²"),
        )

    def decimals(self, metric: Metric) -> int:
        """Decimal places in printed tables."""
        return 0 if metric.name == "size_error" and self.size_unit != "ml" else metric.decimals


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """The metrics of one label of one case."""

    label: str
    missed: bool
    """The label is in the reference and not in the mask."""
    spurious: bool
    """The label is in the mask and not in the reference."""
    values: Values
    """By `Metric.name`, those that apply; None where it is undefined for the case."""


@dataclass(frozen=True, slots=True)
class CaseMetrics:
    """The metrics of one case, with a row per label of the model."""

    case: str
    labels: tuple[LabelMetrics, ...]

    @property
    def dice(self) -> float:
        """Mean Dice of the labels."""
        return fmean(row.values["dice"] or 0.0 for row in self.labels)


def measure(
    case: str,
    scan: Scan,
    predicted: NDArray[Any],
    reference: NDArray[Any],
    card: AnyCard,
    rules: MetricOptions,
) -> CaseMetrics:
    """Compares `predicted` with `reference`, both on the stored axes of `scan`.

    Both contain label values or, for a card that numbers objects, object numbers: then all objects
    together are the label, and they are also matched one to one.
    """
    rows = []
    for label in card.labels:
        pair = _parts(predicted, reference, label, card)
        values = dict(_overlap(*pair, scan, rules))
        if card.instances is not None:
            values |= _objects(Matches.of(predicted, reference))
        if label.value == rules.membrane:
            values |= _membrane(*pair)
        present, expected = bool(pair[0].any()), bool(pair[1].any())
        missed, spurious = expected > present, present > expected
        rows.append(LabelMetrics(label.name, missed, spurious, values))
    return CaseMetrics(case, tuple(rows))


def _parts(
    predicted: NDArray[Any], reference: NDArray[Any], label: Label, card: AnyCard
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if card.instances is not None:
        return predicted > 0, reference > 0
    return np.asarray(predicted == label.value), np.asarray(reference == label.value)


def _overlap(
    predicted: NDArray[np.bool_], reference: NDArray[np.bool_], scan: Scan, rules: MetricOptions
) -> Iterator[tuple[str, float | None]]:
    spacing = (1.0,) * scan.dimension
    if rules.distance_unit == "mm":
        spacing = scan.spacing_mm or spacing
    distance = hd95(predicted, reference, spacing)
    error, percent = size_error(predicted, reference, _voxel(scan, rules.size_unit))
    yield "dice", dice(predicted, reference)
    yield "surface_dice", surface_dice(predicted, reference, spacing, rules.tolerance)
    yield "hd95", distance if np.isfinite(distance) else None
    yield "size_error", error
    yield "size_error_percent", percent


def _voxel(scan: Scan, unit: str) -> float:
    """The size of one voxel in `unit`."""
    if unit == "ml":
        return float(abs(np.linalg.det(scan.affine[:3, :3]))) / 1000
    return 1.0 if unit == "px" or scan.spacing_mm is None else float(np.prod(scan.spacing_mm))


def _objects(matches: Matches) -> dict[str, float | None]:
    precisions = matches.average_precision()
    return {
        "objects": matches.reference_objects,
        "found_objects": matches.predicted_objects,
        **dict(zip(_PRECISION, precisions, strict=True)),
        "ap": fmean(precisions),
        "seg": matches.seg(),
    }


def _membrane(
    predicted: NDArray[np.bool_], reference: NDArray[np.bool_]
) -> dict[str, float | None]:
    from imaging.metrics.membrane import cell_agreement, pixel_error  # only here: scikit-image
    from imaging.metrics.warping import warping_error

    agreement = cell_agreement(predicted, reference)
    return {
        "pixel_error": pixel_error(predicted, reference),
        **(asdict(agreement) if agreement else dict.fromkeys(_CELLS)),
        "warping_error": warping_error(predicted, reference),
    }
