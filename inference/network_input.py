"""A network's input: views over the scans, computed when a tile is read.

stored -> oriented -> RGB or grey -> normalised -> first channel's grid -> network's spacing
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import ScanModelMismatch
from imaging.geometry import onto_grid
from imaging.intensity import Normalisation, normalisation
from imaging.large_arrays import cached
from imaging.orientation import Oriented, canonical, oriented
from imaging.preparation.prepared import Prepared, PreparedChannel, in_array
from imaging.preparation.resample import NOT_RESAMPLED
from imaging.preparation.way_back import WayBack
from imaging.resample import at_spacing
from imaging.same_grid import label_view
from imaging.scan import Scan, in_memory
from inference.cancellation import CancelToken
from inference.grid_warnings import grid_warnings
from inference.value_warnings import value_warnings
from models.any_card import AnyCard
from models.card import ModelCard
from models.card_parts import Channel
from models.doubt import Doubt, DoubtKind, Remark, doubts_of, texts_of
from models.training_fit import TrainingFit, training_fit

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Grey from RGB, ITU-R BT.601."""
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """All channels of one subject on the network's grid, normalised."""

    oriented: Oriented
    """The first channel on the network's axes: the grid of the labels, and the way back."""
    views: tuple[Scan, ...]
    """One per channel, all on the network's grid, float32."""
    resampled: bool
    """Whether the network's grid is the first channel's at another spacing."""
    warnings: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()
    """Why its mask may be wrong; the warnings say the same."""
    uncompared: tuple[str, ...] = ()
    """As in `TrainingFit`."""
    way_back: tuple[WayBack, ...] = ()
    """What the card's preparation did to the first channel's grid, in this order."""

    @property
    def grid(self) -> tuple[int, ...]:
        """The network's grid."""
        return self.views[0].grid

    def read(self, box: Box) -> NDArray[np.float32]:
        """(components, *box.shape): the components of all channels in order."""
        return np.concatenate([view.read(box) for view in self.views])


def network_input(
    scans: Mapping[str, Scan],
    card: ModelCard,
    scratch: Path | None = None,
    token: CancelToken | None = None,
) -> NetworkInput:
    """The input for one subject; raises ScanModelMismatch where the scans do not fit the card, and
    JobLost between two preparation steps once `token` is cancelled.

    A view that is coarser than its scan is computed once and stored, in `scratch` where it is
    larger than memory: tiles overlap, and each would compute its part again from many voxels.
    """
    check(scans, card)
    first = oriented(scans[card.channels[0].name], card.orientation)
    fit = training_fit({name: canonical(scan).scan for name, scan in scans.items()}, card)
    views, remarks = _views(scans, first.scan, card)
    remarks = [*fit.warnings, *remarks]
    if card.preparation:
        prepared = _prepared(tuple(views), card, scratch, token or CancelToken())
        return _input_of(first, prepared, remarks, fit)
    if card.spacing_mm is not None and first.scan.spacing_mm is None:
        remarks.append(Doubt(DoubtKind.SPACING, NOT_RESAMPLED))
    resampled = card.spacing_mm is not None and _differs(first.scan, card.spacing_mm)
    if resampled and card.spacing_mm is not None:
        views = _at_spacing(views, card, card.spacing_mm, scratch)
    doubts = (*fit.doubts, *doubts_of(remarks))
    return NetworkInput(first, tuple(views), resampled, texts_of(remarks), doubts, fit.uncompared)


def _views(
    scans: Mapping[str, Scan], first: Scan, card: ModelCard
) -> tuple[list[Scan], list[Remark]]:
    """A view for each channel on the grid of `first`, the first channel's oriented scan; and what
    is remarkable about their values and grids."""
    stored = scans[card.channels[0].name]
    views: list[Scan] = []
    remarks: list[Remark] = []
    for channel in card.channels:
        remarks += scans[channel.name].warnings
        if channel.label_values:
            label = oriented(label_view(scans[channel.name], stored), card.orientation).scan
            views.append(one_hot(label, channel.label_values))
            continue
        view = oriented(scans[channel.name], card.orientation).scan
        view, measured = _normalised(_components(view, channel), card)
        remarks += value_warnings(measured, channel, card)
        if channel is not card.channels[0]:
            remarks += grid_warnings(view, first, channel, card.channels[0])
            view = onto_grid(view, first.grid, first.affine)
        views.append(view)
    return views, remarks


def _at_spacing(
    views: Sequence[Scan], card: ModelCard, spacing_mm: tuple[float, ...], scratch: Path | None
) -> list[Scan]:
    """The views at another spacing; those that become coarser are stored."""
    resampled = [
        _resampled(view, channel, spacing_mm)
        for view, channel in zip(views, card.channels, strict=True)
    ]
    return [
        cached(new, scratch) if prod(new.grid) < prod(old.grid) else new
        for new, old in zip(resampled, views, strict=True)
    ]


def _prepared(
    views: tuple[Scan, ...], card: ModelCard, scratch: Path | None, token: CancelToken
) -> Prepared:
    """What the card's preparation makes of the views: one array, not computed lazily."""
    channels = tuple(
        PreparedChannel(channel.name, channel.inputs, bool(channel.label_values))
        for channel in card.channels
    )
    prepared = in_array(views, channels, scratch)
    for step in card.preparation:
        token.check()
        prepared = step.apply(prepared, scratch)
    return prepared


def _input_of(
    first: Oriented, prepared: Prepared, remarks: Sequence[Remark], fit: TrainingFit
) -> NetworkInput:
    unknown_size = [
        Doubt(DoubtKind.SPACING, text) for text in prepared.warnings if text == NOT_RESAMPLED
    ]
    return NetworkInput(
        first,
        (in_memory(prepared.values, prepared.spacing_mm),),
        resampled=False,
        warnings=texts_of((*remarks, *prepared.warnings)),
        doubts=(*fit.doubts, *doubts_of(remarks), *unknown_size),
        uncompared=fit.uncompared,
        way_back=prepared.way_back,
    )


def one_hot(label: Scan, values: Sequence[int]) -> Scan:
    """A view of a label map with one component per value, float32: 1 where a voxel has it."""
    wanted = np.array(values, np.uint32).reshape(-1, *(1,) * label.dimension)

    def read(box: Box) -> NDArray[np.float32]:
        return np.asarray(label.read(box) == wanted, np.float32)

    shape = (len(values), *label.grid)
    return replace(label, shape=shape, dtype=np.dtype(np.float32), reader=read)


def _resampled(view: Scan, channel: Channel, spacing_mm: tuple[float, ...]) -> Scan:
    """The view at another spacing; a label is where more than half of it is."""
    resampled = at_spacing(view, spacing_mm)
    if not channel.label_values:
        return resampled

    def read(box: Box) -> NDArray[np.float32]:
        return (resampled.read(box) > _HALF).astype(np.float32)

    return replace(resampled, reader=read)


def check(scans: Mapping[str, Scan], card: AnyCard) -> None:
    """Raises ScanModelMismatch unless every channel that a request supplies has one scan of the
    card's dimension, and no other channel than the card's has one."""
    required = [channel.name for channel in card.requested_channels]
    unknown = sorted(set(scans) - {channel.name for channel in card.channels})
    missing = [name for name in required if name not in scans]
    if missing or unknown:
        raise ScanModelMismatch(
            f"There is no scan for: {', '.join(missing)}."
            if missing
            else f"The model has no channel {', '.join(unknown)}.",
            expected=f"The model {card.name} needs a scan for each of: {', '.join(required)}.",
            hint="Give one scan for each channel, with the channel's name.",
        )
    for name, scan in scans.items():
        if scan.dimension != card.dimension:
            raise ScanModelMismatch(
                f"The scan of channel {name} is {scan.dimension}D.",
                expected=f"{card.name} segments {card.dimension}D scans.",
                hint="Choose a model of the scan's dimension; `tessera models` lists them.",
            )


def _differs(scan: Scan, spacing_mm: tuple[float, ...]) -> bool:
    """Whether spacings differ by more than 1e-4, relatively: headers are rounded."""
    return scan.spacing_mm is not None and not np.allclose(scan.spacing_mm, spacing_mm, rtol=1e-4)


def _components(scan: Scan, channel: Channel) -> Scan:
    """Grey copied to RGB, or RGB converted to grey, as the channel requires."""
    present, required = scan.shape[0], channel.components
    if present == required:
        return scan

    def read(box: Box) -> NDArray[Any]:
        block = scan.read(box)
        if required == 1:
            return np.tensordot(_LUMA, block.astype(np.float32), 1)[None]
        return np.repeat(block, required, axis=0)

    dtype = scan.dtype if required > present else np.dtype(np.float32)
    return replace(scan, shape=(required, *scan.grid), dtype=dtype, reader=read)


def _normalised(scan: Scan, card: ModelCard) -> tuple[Scan, Normalisation]:
    """The normalised view, and what was measured for it."""
    measured = normalisation(scan, card.value_rule)

    def read(box: Box) -> NDArray[np.float32]:
        return measured.apply(scan.read(box))

    return replace(scan, dtype=np.dtype(np.float32), reader=read), measured
