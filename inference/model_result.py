"""The mask of a model, and the record of how it was made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from numpy.typing import NDArray

from imaging import tiling
from imaging.box import Box
from inference.device import Device
from inference.pipeline import Result
from inference.reference_outcome import ReferenceOutcome
from inference.windows.plan import WindowPlan
from models.any_card import AnyCard
from models.combined_card import CombinedCard
from models.doubt import Doubt

NONE = "none"
"""Device and precision of a mask that no network made."""


@dataclass(frozen=True, slots=True)
class EarlierMask:
    """A channel that another model filled."""

    channel: str
    model: str
    checksum: str
    """Identifies that model's networks."""


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """How a network ran on one subject."""

    device: Device
    plan: tiling.Plan | WindowPlan
    seconds: Mapping[str, float]
    """`open`, `network` and `total`."""
    warnings: tuple[str, ...] = ()
    """About its input."""
    shrunk_to: int | None = None
    """Bytes that a tile may need, where memory was short for larger tiles."""
    depth: int = 0
    """How often the network was cut; see `inference.levels`."""
    earlier: tuple[EarlierMask, ...] = ()
    """The channels that other models filled."""
    fallback: str = ""
    """Why the processor was used instead of a GPU, in one sentence; empty: it was not."""
    reference: ReferenceOutcome | None = None
    """The outcome of the model's reference case on this device; None: it was not run."""
    doubts: tuple[Doubt, ...] = ()
    """Why its mask may be wrong; the warnings say the same."""
    uncompared: tuple[str, ...] = ()
    """Why nothing about a scan could be compared with the training scans."""
    unsure: Mapping[int, float] | None = None
    """Label value -> share of its voxels that the network is not sure of; None: it is not known."""

    @classmethod
    def of(
        cls,
        result: Result,
        device: Device,
        earlier: tuple[EarlierMask, ...] = (),
        fallback: str = "",
        reference: ReferenceOutcome | None = None,
    ) -> Self:
        """What remains of the network's own result, without its mask."""
        return cls(
            device, result.plan, result.seconds, result.warnings, result.shrunk_to, result.depth,
            earlier, fallback, reference, result.doubts, result.uncompared,
            result.unsure,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """How the mask of a model was made."""

    card: AnyCard
    network: NetworkRecord | None = None
    """None: the model is made of others, or nothing was segmented."""
    parts: "tuple[ModelRecord, ...]" = ()
    """Of a model that is made of others, in the order in which they were painted."""
    box: Box | None = None
    """The part of the grid that was segmented; None: all of it, or nothing."""
    coarse: "ModelRecord | None" = None
    """Of the model that found the box."""
    notes: tuple[str, ...] = ()
    """Warnings that are not about a network's input."""

    @property
    def unsure(self) -> Mapping[int, float]:
        """Label value -> share of its voxels that the network is not sure of, where it is known."""
        shares = {} if self.network is None else dict(self.network.unsure or {})
        if isinstance(self.card, CombinedCard):
            for part, made in zip(self.card.parts, self.parts, strict=False):
                known = made.unsure
                own = {one.label: one.value for one in part.labels if one.label in known}
                shares |= {value: known[label] for label, value in own.items()}
        return shares

    @property
    def networks(self) -> tuple[NetworkRecord, ...]:
        """All networks that made a part of the mask."""
        own = (self.network,) if self.network else ()
        return (*own, *(network for part in self.parts for network in part.networks))

    def placed(self, box: Box) -> Self:
        """This record, of a run on the voxels in `box` alone, as that of a run on their grid."""
        parts = tuple(
            part if part.box is None else replace(part, box=box.part(part.box))
            for part in self.parts
        )
        return replace(self, box=box, parts=parts)

    @property
    def device(self) -> str:
        """Names of the runtimes."""
        return _listed(network.device.name for network in self.networks)

    @property
    def precision(self) -> str:
        """The precisions that the networks computed in."""
        return _listed(network.device.precision for network in self.networks)

    @property
    def tiles(self) -> int:
        """Number of tiles or windows."""
        return sum(len(network.plan) for network in self.networks)

    @property
    def seconds(self) -> dict[str, float]:
        """The sums over the networks."""
        sums: dict[str, float] = defaultdict(float)
        for network in self.networks:
            for name, seconds in network.seconds.items():
                sums[name] += seconds
        return dict(sums)

    @property
    def fallback(self) -> str:
        """Why the processor was used instead of a GPU; empty: it was not."""
        return next((one.fallback for one in self.networks if one.fallback), "")


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A mask on the first scan's own grid, and how it was made."""

    mask: NDArray[Any]
    """Label values, or object numbers; spatial shape of the scan, unsigned integers."""
    record: ModelRecord


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names)) or NONE
