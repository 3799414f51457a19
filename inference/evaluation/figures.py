"""The figures of one case: what is measured of a mask against its reference, label by label."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.metrics import dice, hd95, size_error, surface_dice
from imaging.metrics.objects import THRESHOLDS, Matches
from imaging.scan import Scan
from models.card import ModelCard
from models.card_parts import Label

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure's name in files, and what it is called in a table of `Rules`."""

    name: str
    title: str
    decimals: int = 3
    printed: bool = True
    """Whether a table for people shows it; files hold all."""


_CELLS = ("v_rand", "v_info", "variation_of_information")
_PRECISION = tuple(f"ap_{round(100 * threshold)}" for threshold in THRESHOLDS)

FIGURES = (
    Figure("dice", "Dice"),
    Figure("surface_dice", "surface Dice at {tolerance:g} {distance}"),
    Figure("hd95", "HD95, {distance}", 2),
    Figure("size_error", "size error, {size}"),
    Figure("size_error_percent", "size error, %", 1),
    Figure("objects", "objects in the reference", 1),
    Figure("found_objects", "objects found", 1),
    *(
        Figure(name, f"precision at IoU {threshold:.2f}", printed=threshold in (0.5, 0.75))
        for name, threshold in zip(_PRECISION, THRESHOLDS, strict=True)
    ),
    Figure("ap", f"precision, {THRESHOLDS[0]:.2f} to {THRESHOLDS[-1]:.2f}"),
    Figure("seg", "SEG"),
    Figure("pixel_error", "pixel error", 4),
    Figure("v_rand", "V-Rand"),
    Figure("v_info", "V-Info"),
    Figure("variation_of_information", "variation of information, bits"),
    Figure("warping_error", "warping error", 5),
)
"""All that can be measured, in the order of every table; which of it, the card and Rules tell."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is measured, and in which units."""

    tolerance: float = 1.0
    """Of the surface Dice, in units of `distance_unit`."""
    distance_unit: str = "mm"
    """`mm`, or `px` of pictures that bear no spacing."""
    size_unit: str = "ml"
    """`ml` of volumes, `mm2` or `px` of pictures."""
    membrane: int | None = None
    """The value of a picture's label that is a boundary between cells."""

    def title(self, figure: Figure) -> str:
        """What a table calls the figure, with its unit."""
        return figure.title.format(
            tolerance=self.tolerance,
            distance=self.distance_unit,
            size=self.size_unit.replace("2", "²"),
        )

    def decimals(self, figure: Figure) -> int:
        """Digits after the point that a table for people shows."""
        return 0 if figure.name == "size_error" and self.size_unit != "ml" else figure.decimals


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label of one case."""

    label: str
    missed: bool
    """The reference bears the label, the mask nowhere."""
    spurious: bool
    """The mask bears it, the reference nowhere."""
    values: Values
    """By `Figure.name`, those that apply; None where a case has no such figure."""


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """One case, with a row per label of the model."""

    case: str
    labels: tuple[LabelFigures, ...]

    @property
    def dice(self) -> float:
        """The mean over the labels."""
        return fmean(row.values["dice"] or 0.0 for row in self.labels)


def measure(
    case: str,
    scan: Scan,
    found: NDArray[Any],
    reference: NDArray[Any],
    card: ModelCard,
    rules: Rules,
) -> CaseFigures:
    """Figures of `found` against `reference`, both on the stored axes of `scan`.

    Both hold label values or, where the card numbers objects, object numbers: then all of them
    together are the label, and the objects are matched besides.
    """
    rows = []
    for label in card.labels:
        pair = _parts(found, reference, label, card)
        values = dict(_overlap(*pair, scan, rules))
        if card.instances is not None:
            values |= _objects(Matches.of(found, reference))
        if label.value == rules.membrane:
            values |= _membrane(*pair)
        there, wanted = bool(pair[0].any()), bool(pair[1].any())
        rows.append(LabelFigures(label.name, wanted > there, there > wanted, values))
    return CaseFigures(case, tuple(rows))


def _parts(
    found: NDArray[Any], reference: NDArray[Any], label: Label, card: ModelCard
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if card.instances is not None:
        return found > 0, reference > 0
    return np.asarray(found == label.value), np.asarray(reference == label.value)


def _overlap(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], scan: Scan, rules: Rules
) -> Iterator[tuple[str, float | None]]:
    spacing = (1.0,) * scan.dimension
    if rules.distance_unit == "mm":
        spacing = scan.spacing_mm or spacing
    distance = hd95(found, reference, spacing)
    error, percent = size_error(found, reference, _voxel(scan, rules.size_unit))
    yield "dice", dice(found, reference)
    yield "surface_dice", surface_dice(found, reference, spacing, rules.tolerance)
    yield "hd95", distance if np.isfinite(distance) else None
    yield "size_error", error
    yield "size_error_percent", percent


def _voxel(scan: Scan, unit: str) -> float:
    """The size of one voxel."""
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


def _membrane(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> dict[str, float | None]:
    from imaging.metrics.membrane import cell_agreement, pixel_error  # only here: scikit-image
    from imaging.metrics.warping import warping_error

    agreement = cell_agreement(found, reference)
    return {
        "pixel_error": pixel_error(found, reference),
        **(asdict(agreement) if agreement else dict.fromkeys(_CELLS)),
        "warping_error": warping_error(found, reference),
    }
