"""The files of a model's reference case."""

from pathlib import Path

from imaging.errors import BadModel
from imaging.formats.limits import UNLIMITED
from imaging.formats.sniff import open_scan
from imaging.same_grid import label_view
from imaging.scan import Scan
from models.reference import Reference, check_reference
from models.registry import Model


def stated_reference(model: Model) -> Reference:
    """The card's reference; raises BadModel where it has none."""
    if model.card.reference is None:
        raise BadModel(
            f"The card of {model.card.name} has no reference case.",
            expected="A scan, and the mask that the network gave for it in its original software.",
            hint="Import or add the model again, with --reference SCAN MASK.",
        )
    return model.card.reference


def reference_scans(model: Model, scratch: Path | None = None) -> dict[str, Scan]:
    """The scans by channel. Raises BadModel where the card has no reference, or where its files are
    not those that were given."""
    reference = stated_reference(model)
    check_reference(reference, model.folder)
    return {
        channel.name: open_scan(model.folder / file, UNLIMITED, scratch)
        for channel, file in zip(model.card.requested_channels, reference.scans, strict=True)
    }


def reference_mask(model: Model, scan: Scan, scratch: Path | None = None) -> Scan:
    """The given mask, on the grid of `scan`, the first channel's."""
    mask = open_scan(model.folder / stated_reference(model).mask, UNLIMITED, scratch)
    return label_view(mask, scan)
