"""Compares a scan with the scans that its model was trained on, as the card describes them.

A network labels whatever it reads. Its mask of a scan that is unlike the training scans is often
empty or wrong, and nothing in the mask shows it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from imaging.intensity import percentiles
from imaging.scan import Scan
from models.card import ModelCard
from models.training_range import Range, TrainingRange, ValueRange

_TOLERANCE = 0.01
"""How far outside of a range a value may be, relatively: headers are rounded."""
_PERCENTS = (1.0, 99.0)
_AXES = {2: ("from top to bottom", "from left to right"), 3: ("R-L", "A-P", "S-I")}
"""Dimension -> the names of the axes; a volume's are canonical (RAS+)."""


def training_warnings(scans: Mapping[str, Scan], card: ModelCard) -> tuple[str, ...]:
    """One warning per channel whose scan is outside of the card's training ranges.

    `scans`: channel name -> scan on canonical axes. Reads all voxels where the card states a range
    of values. No text of the scan's header is quoted, which may contain patient data.
    """
    warnings = []
    for channel in card.channels:
        if channel.trained_on is None or channel.name not in scans:
            continue
        differences = list(_differences(scans[channel.name], channel.trained_on))
        if differences:
            which = f"The scan of channel {channel.name}" if len(card.channels) > 1 else "The scan"
            warnings.append(
                f"{which} is unlike the scans that {card.name} was trained on: "
                f"{'; '.join(differences)}. Its mask may be wrong or empty: check it, or choose a "
                "model for such scans."
            )
    return tuple(warnings)


def _differences(scan: Scan, trained: TrainingRange) -> Iterator[str]:
    if scan.spacing_mm is not None:
        spacing = scan.spacing_mm
        extent = [n * mm for n, mm in zip(scan.grid, spacing, strict=True)]
        yield from _lengths("voxel size", spacing, trained.spacing_mm)
        yield from _lengths("extent", extent, trained.extent_mm)
    if trained.values is not None:
        yield from _values(scan, trained.values)
    if scan.source is not None:
        yield from _stated("modality", scan.source.modality, trained.modalities)
        yield from _stated("body part", scan.source.body_part, trained.body_parts)


def _lengths(noun: str, lengths: Sequence[float], ranges: Sequence[Range]) -> Iterator[str]:
    """One difference for all axes outside of their range; none where no range is stated."""
    names = _AXES[len(lengths)]
    outside = [
        f"{mm:.3g} mm {name} (training: {_text(limits)} mm)"
        for name, mm, limits in zip(names, lengths, ranges or (), strict=bool(ranges))
        if not _within(mm, limits)
    ]
    if outside:
        yield f"its {noun} is {', '.join(outside)}"


def _values(scan: Scan, trained: ValueRange) -> Iterator[str]:
    measured = percentiles(scan, _PERCENTS)
    for percent, value, limits in zip(
        _PERCENTS, measured, (trained.low, trained.high), strict=True
    ):
        if not _within(value, limits):
            figures = f"{value:.4g} (training: {_text(limits)})"
            yield f"{percent:.0f} % of its values are at most {figures}"


def _stated(noun: str, stated: str, known: Iterable[str]) -> Iterator[str]:
    """A difference where the scan states a term of DICOM, and another one than the card."""
    known = tuple(known)
    if stated and known and stated.strip().upper() not in known:
        yield f"its header states another {noun} than {' or '.join(known)}"


def _within(value: float, limits: Range) -> bool:
    low, high = limits
    slack = _TOLERANCE * max(abs(low), abs(high))
    return low - slack <= value <= high + slack


def _text(limits: Range) -> str:
    low, high = limits
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
