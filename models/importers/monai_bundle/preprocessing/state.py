"""What the transforms so far mean for the card."""

from dataclasses import dataclass, field
from typing import Any

from models.importers.monai_bundle.component import Component


@dataclass(slots=True)
class Preprocessing:
    """Collected while the transforms are read in their order."""

    order: tuple[int, ...]
    """MONAI's spatial axis that each axis of the card runs along."""
    channels: int
    """Input channels of the network."""
    axes_code: str
    """MONAI's axes as an orientation of a card: as its reader returns them, or as turned."""
    keys: list[str] = field(default_factory=list)
    """The images that are loaded or made of them, as the configuration names them."""
    loaded: list[str] = field(default_factory=list)
    """The images that are loaded: one with all channels, or one for each channel."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """The card's `preparation`, along MONAI's axes."""
    resampling: str = ""
    """The last transform that resamples, with its id; empty: none."""
    nearest_back: bool = True
    """Whether labels that are brought back have the nearest voxel's label at MONAI too."""

    @property
    def axes(self) -> int:
        """Spatial axes of the scans."""
        return len(self.order)

    def check_keys(self, transform: Component) -> None:
        """Raises BadModel unless the transform changes all images in the same way."""
        keys = listed(transform.take("keys"))
        transform.ignore("allow_missing_keys")
        if sorted(keys) != sorted(self.keys):
            raise transform.refusal(f"for the keys {', '.join(keys)} of {', '.join(self.keys)}")

    def sizes(self, transform: Component, argument: str, value: Any) -> list[Any]:
        """A value for each of MONAI's axes; one value stands for all axes."""
        values = listed(value)
        if values and all(isinstance(one, list) for one in values):  # one list for each key
            values = values[0] if all(one == values[0] for one in values) else []
        values = values * self.axes if len(values) == 1 else values
        numbers = all(isinstance(one, int | float) for one in values)
        if len(values) != self.axes or not numbers:
            raise transform.refusal(f"with {argument} = {value}")
        return values

    @property
    def orientation(self) -> str:
        """The card's `orientation`."""
        return "".join(self.axes_code[axis] for axis in self.order)

    @property
    def preparation(self) -> list[dict[str, Any]]:
        """The card's `preparation`."""
        per_axis = ("spacing_mm", "size", "multiple", "border", "margin")
        return [
            {
                name: [value[axis] for axis in self.order] if name in per_axis else value
                for name, value in step.items()
            }
            for step in self.steps
        ]


def listed(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]
