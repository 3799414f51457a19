"""Compares a scan with the scans that its model was trained on, as the card describes them.

A network labels whatever it reads. Its mask of a scan that is unlike the training scans is often
empty or wrong, and nothing in the mask shows it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from imaging.formats.affine import ORIENTATION_UNKNOWN
from imaging.intensity import percentiles
from imaging.scan import Scan
from imaging.scan_traits import is_coloured, looks_like_ct
from models.any_card import AnyCard
from models.card_parts import Channel
from models.comparable_facts import shown_facts, stated_facts, why_not_compared
from models.doubt import Doubt, DoubtKind
from models.training_range import Range, TrainingRange, ValueRange

_TOLERANCE = 0.01
"""How far outside of a range a value may be, relatively: headers are rounded."""
_PERCENTS = (1.0, 99.0)
_AXES = {2: ("from top to bottom", "from left to right"), 3: ("R-L", "A-P", "S-I")}
"""Dimension -> the names of the axes; a volume's are canonical (RAS+)."""
_CT = "CT"
_QUOTED = frozenset({"CR", "CT", "DX", "MG", "MR", "NM", "OP", "OPT", "PT", "RF", "SM", "US", "XA"})
"""Terms of a header that are quoted: defined terms of Modality (PS3.3 C.7.3.1.1.1)."""

Difference = tuple[DoubtKind, str]
"""What differs, and how: a phrase about the scan, such as `its extent is ...`."""


@dataclass(frozen=True, slots=True)
class TrainingFit:
    """How the scans of a subject differ from the training scans."""

    warnings: tuple[str, ...]
    """One per channel whose scan differs."""
    doubts: tuple[Doubt, ...]
    """Every single difference, and an orientation that is not known."""
    uncompared: tuple[str, ...]
    """Why nothing about a channel's scan could be compared: that it has no doubts means nothing."""


def training_fit(
    scans: Mapping[str, Scan], card: AnyCard, *, read_values: bool = True
) -> TrainingFit:
    """Compares `scans`: channel name -> scan on canonical axes.

    Reads all voxels where the card states a range of values, and none without `read_values`. Of the
    scan's header, only defined terms are quoted: other text may contain patient data.
    """
    warnings, doubts, uncompared = [], [], []
    for channel in card.channels:
        if channel.name not in scans or channel.label_values:
            continue
        scan = scans[channel.name]
        differences = list(_differences(scan, channel, read_values))
        if differences:
            warnings.append(_warning(channel, differences, card))
        elif not stated_facts(channel) & shown_facts(scan, read_values=read_values):
            uncompared.append(_uncompared(channel, card))
        found = [Doubt(kind, f"{text[0].upper()}{text[1:]}.") for kind, text in differences]
        if ORIENTATION_UNKNOWN in scan.warnings:
            found.append(Doubt(DoubtKind.ORIENTATION, ORIENTATION_UNKNOWN))
        several = len(card.channels) > 1
        doubts += [one.about(f"Channel {channel.name}") if several else one for one in found]
    return TrainingFit(tuple(warnings), tuple(doubts), tuple(uncompared))


def _uncompared(channel: Channel, card: AnyCard) -> str:
    text = why_not_compared(stated_facts(channel))
    return f"Channel {channel.name}: {text}" if len(card.channels) > 1 else text


def _warning(channel: Channel, differences: Iterable[Difference], card: AnyCard) -> str:
    which = f"The scan of channel {channel.name}" if len(card.channels) > 1 else "The scan"
    return (
        f"{which} is unlike the scans that {card.name} was trained on: "
        f"{'; '.join(text for _, text in differences)}. Its mask may be wrong or empty: check it, "
        "or choose a model for such scans."
    )


def _differences(scan: Scan, channel: Channel, read_values: bool) -> Iterator[Difference]:
    trained = channel.trained_on or TrainingRange()
    yield from _of_header(scan, trained)
    if not read_values:
        return
    if channel.components == 1 and is_coloured(scan):
        yield DoubtKind.COLOUR, "it has colours (training: grey values)"
    if trained.values is not None:
        for text in _values(scan, trained.values):
            yield DoubtKind.VALUES, text
    for text in _modality_by_values(scan, trained.modalities):
        yield DoubtKind.MODALITY, text


def _of_header(scan: Scan, trained: TrainingRange) -> Iterator[Difference]:
    if scan.spacing_mm is not None:
        spacing = scan.spacing_mm
        extent = [n * mm for n, mm in zip(scan.grid, spacing, strict=True)]
        for text in _lengths("voxel size", spacing, trained.spacing_mm):
            yield DoubtKind.SPACING, text
        for text in _lengths("extent", extent, trained.extent_mm):
            yield DoubtKind.EXTENT, text
    if scan.source is not None:
        for text in _stated("modality", scan.source.modality, trained.modalities):
            yield DoubtKind.MODALITY, text
        for text in _stated("body part", scan.source.body_part, trained.body_parts):
            yield DoubtKind.BODY_PART, text


def _modality_by_values(scan: Scan, known: Sequence[str]) -> Iterator[str]:
    """A difference where no header states a modality, and the values are those of a CT."""
    stated = scan.source is not None and scan.source.modality
    if stated or not known or _CT in known or scan.dimension == 2:
        return
    if looks_like_ct(scan):
        yield f"its values look like the Hounsfield units of a CT (training: {_listed(known)})"


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
    known, term = tuple(known), stated.strip().upper()
    if not term or not known or term in known:
        return
    if term in _QUOTED:
        yield f"its header states the {noun} {term} (training: {_listed(known)})"
    else:
        yield f"its header states another {noun} than {_listed(known)}"


def _listed(terms: Iterable[str]) -> str:
    return " or ".join(terms)


def _within(value: float, limits: Range) -> bool:
    low, high = limits
    slack = _TOLERANCE * max(abs(low), abs(high))
    return low - slack <= value <= high + slack


def _text(limits: Range) -> str:
    low, high = limits
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
