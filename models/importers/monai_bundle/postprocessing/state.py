"""What the transforms so far mean for the card."""

from dataclasses import dataclass, field
from typing import Any, Literal

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.preprocessing.state import Preprocessing, listed

Kind = Literal["logits", "softmax", "sigmoid", "labels", "regions"]
"""What the result is after a transform: `labels` is one label per voxel, `regions` one image of 0
and 1 per output."""


@dataclass(slots=True)
class Postprocessing:
    """Collected while the transforms are read in their order."""

    before: Preprocessing
    outputs: int
    """Output channels of the network."""
    kind: Kind = "logits"
    activation: Literal["softmax", "sigmoid"] = "softmax"
    resample: Literal["logits", "probabilities", "labels"] | None = None
    """What Invert brings back to the scan's grid; None: it has not run yet."""
    painted: list[tuple[int, int]] = field(default_factory=list)
    """Regions as (output, label), in the order in which they are painted."""
    final: bool = False
    """Whether the result is a label map that no later transform may change."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """The card's `postprocessing`."""
    assumptions: list[str] = field(default_factory=list)

    @property
    def changes_grid(self) -> bool:
        """Whether the preprocessing changes the grid."""
        return any(step["step"] != "normalise" for step in self.before.steps)

    def check_grid(self, transform: Component) -> None:
        """Raises BadModel where a transform works on another grid than Tessera's step would."""
        if self.changes_grid and self.resample is None:
            raise transform.refusal("before Invertd: Tessera applies it on the scan's grid")


def pred_only(transform: Component) -> None:
    """Takes the keys; raises BadModel where they are several."""
    keys = listed(transform.take("keys"))
    if len(keys) != 1:
        raise transform.refusal(f"for several keys, {', '.join(map(str, keys))}")
    transform.ignore("allow_missing_keys")
