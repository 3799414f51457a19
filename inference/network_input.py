"""Views of scans, one over another, until a network can read them; computed when a tile asks.

stored -> canonical axes -> RGB or grey -> normalised -> first channel's grid -> network's spacing
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import ScanModelMismatch
from imaging.geometry import Canonical, canonical, onto_grid
from imaging.intensity import normalisation
from imaging.large_arrays import cached
from imaging.resample import at_spacing
from imaging.scan import Scan
from models.card import ModelCard
from models.card_parts import Channel

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Grey from RGB, ITU-R BT.601."""


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """All channels of one subject on the network's grid, normalised."""

    canonical: Canonical
    """Of the first channel: the grid on which the mask is made, and the way back."""
    views: tuple[Scan, ...]
    """One per channel, all on the network's grid, float32."""
    resampled: bool
    """Whether the network's grid is another than the first channel's."""
    warnings: tuple[str, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        """The network's grid."""
        return self.views[0].grid

    def read(self, box: Box) -> NDArray[np.float32]:
        """(components, *box.shape): the channels one after another."""
        return np.concatenate([view.read(box) for view in self.views])


def network_input(
    scans: Mapping[str, Scan], card: ModelCard, scratch: Path | None = None
) -> NetworkInput:
    """Lays the views over the scans; raises ScanModelMismatch where they do not suit the card.

    What has to be made coarser is made once and kept, in `scratch` where memory cannot hold it:
    tiles overlap, and each would make its part again from many voxels.
    """
    check(scans, card)
    first = canonical(scans[card.channels[0].name])
    views, warnings = [], []
    for channel in card.channels:
        scan = scans[channel.name]
        warnings += [*scan.warnings]
        oriented = first.scan if channel is card.channels[0] else canonical(scan).scan
        view, bad = _normalised(_components(oriented, channel), card)
        if bad:
            warnings.append(f"{bad} voxels of channel {channel.name} were NaN or infinite.")
        if channel is not card.channels[0]:
            view = onto_grid(view, first.scan.grid, first.scan.affine)
        views.append(view)
    if card.spacing_mm is not None and first.scan.spacing_mm is None:
        warnings.append("The picture does not say its pixels' size; it was taken as it is.")
    resampled = card.spacing_mm is not None and _differs(first.scan, card.spacing_mm)
    if resampled and card.spacing_mm is not None:
        coarser = [at_spacing(view, card.spacing_mm) for view in views]
        views = [
            cached(new, scratch) if prod(new.grid) < prod(old.grid) else new
            for new, old in zip(coarser, views, strict=True)
        ]
    return NetworkInput(first, tuple(views), resampled, tuple(dict.fromkeys(warnings)))


def check(scans: Mapping[str, Scan], card: ModelCard) -> None:
    """Every channel must have one scan of the card's dimension."""
    wanted = [channel.name for channel in card.channels]
    if sorted(scans) != sorted(wanted):
        raise ScanModelMismatch(
            f"Scans were given for: {', '.join(sorted(scans)) or 'nothing'}.",
            expected=f"{card.name} takes one scan for each of: {', '.join(wanted)}.",
            hint="Name a scan for each channel.",
        )
    for name, scan in scans.items():
        if scan.dimension != card.dimension:
            raise ScanModelMismatch(
                f"The scan of channel {name} is {scan.dimension}D.",
                expected=f"{card.name} segments {card.dimension}D scans.",
                hint="Pick a model of the scan's dimension; `tessera models` lists them.",
            )


def _differs(scan: Scan, spacing_mm: tuple[float, ...]) -> bool:
    """A spacing within 1e-4 of the network's is taken for the same: headers round."""
    return scan.spacing_mm is not None and not np.allclose(scan.spacing_mm, spacing_mm, rtol=1e-4)


def _components(scan: Scan, channel: Channel) -> Scan:
    """Grey copied to RGB, or RGB weighed to grey, as the channel wants it."""
    have, want = scan.shape[0], channel.components
    if have == want:
        return scan

    def read(box: Box) -> NDArray[Any]:
        block = scan.read(box)
        if want == 1:
            return np.tensordot(_LUMA, block.astype(np.float32), 1)[None]
        return np.repeat(block, want, axis=0)

    dtype = scan.dtype if want > have else np.dtype(np.float32)
    return replace(scan, shape=(want, *scan.grid), dtype=dtype, reader=read)


def _normalised(scan: Scan, card: ModelCard) -> tuple[Scan, int]:
    """The view, and how many voxels were not finite."""
    measured = normalisation(scan, card.intensity)

    def read(box: Box) -> NDArray[np.float32]:
        return measured.apply(scan.read(box))

    return replace(scan, dtype=np.dtype(np.float32), reader=read), measured.nonfinite
