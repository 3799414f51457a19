"""What a caller can choose about a run."""

from dataclasses import dataclass

from inference.runtime_registry import AUTO

PRECISIONS = ("auto", "fp32")
MASK_USES = ("crop", "start")
DEFAULT_MARGIN_MM = 10.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one scan is segmented."""

    device: str = AUTO
    """A name of `inference.runtime_registry.device_names`."""
    precision: str = "auto"
    """One of PRECISIONS; auto: the shortest that the network tolerates on the device."""
    tile: tuple[int, ...] | None = None
    """At most this per axis; None: the planner chooses."""
    mask: str | None = None
    """How the given mask is used, one of MASK_USES. crop: only its bounding box is segmented.
    start: it is the result, to be corrected. None: none is given."""
    margin_mm: float = DEFAULT_MARGIN_MM
    """With `crop`: what is segmented around the bounding box, on each side."""

    @property
    def starts_from_mask(self) -> bool:
        """Whether the given mask is the result, so that no network runs."""
        return self.mask == "start"
