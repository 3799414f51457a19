"""The order of a package's axes, and Tessera's: (batch, channel, *space). Torch-free."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.importers.bioimage_io.description import Axis, TensorDescription
from models.importers.bioimage_io.refusals import unsupported

_DIRECTIONS = {"x": "L", "y": "P", "z": "S"}
"""Where the axes of a TIFF stack grow to, as `imaging.formats.tiff` reads it."""
_STORED = {"y": "i", "x": "j"}
"""The axes of an image: rows and columns."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How the axes of both tensors are arranged."""

    spaces: tuple[str, ...]
    """Ids of the spatial axes, in the order of the input."""
    into: tuple[int, ...]
    """Tessera's axis that each axis of the package's input is."""
    back: tuple[int, ...]
    """The package's axis of the output that each of Tessera's axes is."""

    @classmethod
    def of(cls, first: TensorDescription, last: TensorDescription) -> Self:
        """Raises BadModel where the output has other spatial axes than the input."""
        spaces = tuple(axis.id for axis in first.spaces)
        if sorted(spaces) != sorted(axis.id for axis in last.spaces):
            raise unsupported(
                f"The output has the axes {', '.join(axis.id for axis in last.axes)}, the input "
                f"{', '.join(axis.id for axis in first.axes)}.",
                "An output with the spatial axes of the input.",
            )
        here, there = (_places(one.axes, spaces) for one in (first, last))
        return cls(spaces, tuple(here), tuple(np.argsort(there).tolist()))

    @property
    def orientation(self) -> str | None:
        """The card's `orientation`; None where the axes have names of their own."""
        letters = _DIRECTIONS if len(self.spaces) == 3 else _STORED
        if not set(self.spaces) <= set(letters):
            return None
        return "".join(letters[name] for name in self.spaces)

    def of_input(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array on the axes of the package's input, on Tessera's."""
        return np.transpose(array, np.argsort(self.into))

    def of_output(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array on the axes of the package's output, on Tessera's."""
        return np.transpose(array, self.back)


def _places(axes: Sequence[Axis], spaces: tuple[str, ...]) -> list[int]:
    """Tessera's axis for each of `axes`."""
    fixed = {"batch": 0, "channel": 1}
    return [fixed[axis.role] if axis.role in fixed else 2 + spaces.index(axis.id) for axis in axes]
