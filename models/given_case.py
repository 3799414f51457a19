"""A scan that is given with a model, with or without the mask that the network gave for it.

With a mask it becomes the card's reference, otherwise its sample. What is stored are copies without
patient data.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks
from imaging.errors import BadRequest
from imaging.formats.plain_copy import write_plain_copy
from imaging.same_grid import label_view
from imaging.scan import Scan
from models.card_parts import Channel, Sample
from models.reference import Reference, checksum_of

_BLOCK_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class GivenCase:
    """Opened scans; `imaging.scan.in_memory` makes one of an array."""

    scans: Mapping[str, Scan]
    """By the names of the channels. The key of a single scan may be ''."""
    mask: Scan | None = None
    """The label values that the network gave in its original software, on the grid of the scan of
    the first channel."""


def with_case(fields: Mapping[str, Any], case: GivenCase, folder: Path) -> dict[str, Any]:
    """The fields of card.json with the case, whose files are written into `folder`.

    A reference replaces the sample as well, unless the card's accuracy was recorded with that.
    Raises BadRequest where the case does not fit the card.
    """
    channels = [Channel.model_validate(channel) for channel in fields["channels"]]
    _check_dimension(case, fields.get("dimension"))
    if case.mask is None:
        files = _stored(_by_channel(case, channels), folder, "sample")
        sample = Sample(kind="file", files=files)
        return {**fields, "sample": sample.model_dump(mode="json", exclude_defaults=True)}
    scans = _by_channel(case, [channel for channel in channels if channel.made_by is None])
    numbers = () if fields.get("instances") else [label["value"] for label in fields["labels"]]
    mask = _label_map(case.mask, scans[0], numbers)
    files = _stored(scans, folder, "reference")
    mask_file = write_plain_copy(folder, "reference_mask", mask)
    checksum = checksum_of([folder / file for file in (*files, mask_file)])
    reference = Reference(scans=files, mask=mask_file, sha256=checksum)
    dropped = () if fields.get("accuracy") else ("sample",)
    kept = {name: value for name, value in fields.items() if name not in dropped}
    return kept | {"reference": reference.model_dump(mode="json", exclude_defaults=True)}


def _check_dimension(case: GivenCase, dimension: int | None) -> None:
    """`dimension`: the card's; None where the network has not been read yet."""
    for scan in case.scans.values():
        if dimension not in (None, scan.dimension):
            raise BadRequest(
                f"The scan of the case is {scan.dimension}D.",
                expected=f"A scan for this {dimension}D model.",
                hint="Choose another scan.",
            )


def _by_channel(case: GivenCase, channels: Sequence[Channel]) -> list[Scan]:
    """The scan of each channel."""
    names = [channel.name for channel in channels]
    scans = {name or names[0]: scan for name, scan in case.scans.items()}
    if sorted(scans) != sorted(names):
        raise BadRequest(
            f"The case has scans for these channels: {', '.join(sorted(scans))}.",
            expected=f"One scan for each of: {', '.join(names)}.",
            hint="Give each scan with its channel: --sample NAME=SCAN.",
        )
    return [scans[name] for name in names]


def _stored(scans: Sequence[Scan], folder: Path, stem: str) -> tuple[str, ...]:
    """The names of the files that are written, numbered from the second one on."""
    return tuple(
        write_plain_copy(folder, f"{stem}_{number}" if number else stem, scan)
        for number, scan in enumerate(scans)
    )


def _label_map(mask: Scan, scan: Scan, numbers: Collection[int]) -> Scan:
    """The mask on the scan's grid, in the smallest type; `numbers`: the labels, () for any."""
    view = label_view(mask, scan)
    present = _values(view)
    if unknown := sorted(set(present.tolist()) - {0, *numbers}) if numbers else []:
        raise BadRequest(
            f"The mask contains the value {unknown[0]}, which is not a label of the model.",
            expected=f"0 or one of {', '.join(map(str, sorted(numbers)))}.",
            hint="Give the mask that the network itself made, with the values of its labels.",
        )
    if not present.any():
        raise BadRequest(
            "The mask is empty.",
            expected="A mask in which the network found something.",
            hint="Choose another scan.",
        )
    return replace(view, dtype=np.min_scalar_type(int(present.max())))


def _values(mask: Scan) -> NDArray[Any]:
    """The values that occur."""
    found = [np.unique(mask.read(box)) for box in blocks(mask.grid, _BLOCK_VOXELS)]
    return np.unique(np.concatenate(found))
