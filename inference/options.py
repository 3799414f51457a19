"""What a caller can choose about a run."""

from dataclasses import dataclass

from inference.runtime_registry import AUTO

PRECISIONS = ("auto", "fp32")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one scan is segmented."""

    device: str = AUTO
    """A name of `inference.runtime_registry.device_names`."""
    precision: str = "auto"
    """One of PRECISIONS; auto: the shortest that the network tolerates on the device."""
    tile: tuple[int, ...] | None = None
    """At most this per axis; None: the planner chooses."""
