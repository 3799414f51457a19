"""What a runtime loads from an ONNX file, as a whole and cut at its poolings."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.cancellation import CancelToken

Shape = tuple[int | None, ...]
"""(n, channels, *spatial); None where any size is accepted."""


class Level(Protocol):
    """A network at one resolution, as a whole and in parts; see `inference.networks.graph_cut`."""

    @property
    def out_channels(self) -> int:
        """Channels of the output of `run` and `up`."""
        ...

    @property
    def halo(self) -> int | None:
        """Voxels that `run` reads beyond its output on each side; None with a level below, or
        where it is unknown."""
        ...

    @property
    def below(self) -> "Level | None":
        """The part at half the resolution; None where the network cannot be cut."""
        ...

    @property
    def entry_channels(self) -> int:
        """Channels of the output of `down`."""
        ...

    @property
    def halo_down(self) -> int:
        """Voxels that `down` reads beyond those that it pools, on each side."""
        ...

    @property
    def halo_up(self) -> int:
        """Voxels that `up` reads beyond its output, on each side."""
        ...

    def run(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """The output of the whole level."""
        ...

    def down(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """The input of the level below."""
        ...

    def up(
        self, image: NDArray[np.float32], below: NDArray[np.float32], token: CancelToken
    ) -> NDArray[np.float32]:
        """The output of `run`, from the same image and the output of the level below."""
        ...

    def release_memory(self) -> None:
        """Releases working memory; the next run allocates it again."""
        ...


class Network(Protocol):
    """A loaded network; one tile at a time."""

    inputs: Shape
    outputs: Shape

    @property
    def level(self) -> Level | None:
        """The network cut at its poolings; None where the runtime only runs it whole."""
        ...

    def run(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """Features of a batch of tiles, (n, any, *spatial); `logits` turns them into logits.

        Raises the library's own errors where the network fails or was cancelled.
        """
        ...

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (n, outputs, *spatial) of any region of the features."""
        ...

    def release_memory(self) -> None:
        """Releases working memory; the next run allocates it again."""
        ...
