"""In what a scan can be compared with the training scans of a channel: what both of them show."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from imaging.scan import Scan
from models.card_parts import Channel
from models.doubt import DoubtKind

_NOUNS = {
    DoubtKind.MODALITY: "modality",
    DoubtKind.BODY_PART: "body part",
    DoubtKind.SPACING: "voxel size",
    DoubtKind.EXTENT: "extent",
    DoubtKind.VALUES: "values",
}


def stated_facts(channel: Channel) -> frozenset[DoubtKind]:
    """What the card states of the channel's training scans."""
    trained = channel.trained_on
    if trained is None:
        return frozenset()
    facts = {
        DoubtKind.MODALITY: trained.modalities,
        DoubtKind.BODY_PART: trained.body_parts,
        DoubtKind.SPACING: trained.spacing_mm,
        DoubtKind.EXTENT: trained.extent_mm,
        DoubtKind.VALUES: trained.values,
    }
    return frozenset(kind for kind, fact in facts.items() if fact)


def shown_facts(scan: Scan, *, read_values: bool) -> frozenset[DoubtKind]:
    """What the scan shows of itself. `read_values`: whether its values are read."""
    return frozenset(_shown(scan, read_values=read_values))


def _shown(scan: Scan, *, read_values: bool) -> Iterator[DoubtKind]:
    if scan.spacing_mm is not None:
        yield from (DoubtKind.SPACING, DoubtKind.EXTENT)
    if read_values:
        yield from (DoubtKind.COLOUR, DoubtKind.VALUES)
    if scan.source is not None and scan.source.modality:
        yield DoubtKind.MODALITY
    if scan.source is not None and scan.source.body_part:
        yield DoubtKind.BODY_PART


def why_not_compared(stated: AbstractSet[DoubtKind]) -> str:
    """A sentence about a scan that shows nothing of what the card states."""
    if not stated:
        return (
            "The model's card does not state which scans it was trained on, so this scan could "
            "not be compared with them."
        )
    nouns = ", ".join(noun for kind, noun in _NOUNS.items() if kind in stated)
    return (
        "The scan could not be compared with the scans that the model was trained on: its card "
        f"states their {nouns}, and this scan shows nothing of it."
    )
