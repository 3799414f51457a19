"""What a caller can choose about a run."""

from dataclasses import dataclass

from imaging.given_mask import DEFAULT_MARGIN_MM, MaskUse
from inference.runtime_registry import AUTO

UNCHECKED = "unchecked"
"""The lowest precision of the device, whether the network tolerates it or not: to measure that.
Users cannot choose it."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one scan is segmented."""

    device: str = AUTO
    """A name of `inference.runtime_registry.device_names`."""
    precision: str = "auto"
    """One of `inference.runtime_registry.PRECISIONS`, or UNCHECKED."""
    tile: tuple[int, ...] | None = None
    """At most this per axis; None: the planner chooses."""
    mask: MaskUse | None = None
    """How the given mask is used. None: none is given."""
    margin_mm: float = DEFAULT_MARGIN_MM
    """With `crop`: what is segmented around the bounding box, on each side."""

    @property
    def starts_from_mask(self) -> bool:
        """Whether the given mask is the result, so that no network runs."""
        return self.mask == "start"
