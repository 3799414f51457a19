"""A network at work on the tiles of one scan: cuts, runs, counts and times them."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imaging import tiling
from imaging.box import Box
from imaging.tiling import Tile
from inference.networks.session import Part, Runner
from inference.prefetch import prefetch
from inference.run_context import RunContext

Wanted = Callable[[Tile], bool]
"""Whether a tile has to be run."""
Compute = Callable[[Tile, NDArray[Any]], NDArray[np.float32]]
"""A tile and its image (channels, *tile.read.shape) -> features (any, *spatial)."""


def every_tile(_tile: Tile) -> bool:
    """Wants each tile."""
    return True


class ImageSource(Protocol):
    """An image that is read by region."""

    @property
    def grid(self) -> tuple[int, ...]:
        """Its spatial shape."""
        ...

    def read(self, box: Box) -> NDArray[Any]:
        """(channels, *box.shape)"""
        ...


class NetworkRun:
    """Runs a network on tiles and reports each finished tile to the run's context."""

    def __init__(self, session: Runner, context: RunContext, tiles: int) -> None:
        """`tiles`: how many will be run in total, for the progress."""
        self.session, self.context = session, context
        self.tiles_done, self.seconds = 0, 0.0
        self._tiles = tiles

    def whole(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Features of the whole network for one tile's image (channels, *spatial)."""
        features: NDArray[np.float32] = self.session.run(image[None], self.context.token)[0]
        return features

    def part(self, part: Part, image: NDArray[Any]) -> NDArray[np.float32]:
        """Output of a part of the network for one tile's image."""
        token, shape = self.context.token, image[None].shape
        output: NDArray[np.float32] = self.session.run_part(part, shape, token)[0]
        return output

    def over(
        self, source: ImageSource, tiles: Iterable[Tile], compute: Compute
    ) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
        """Each tile and its features, (any, *tile.keep.shape).

        A tile counts as finished when the caller asks for the next one.
        """
        for tile, image in cut_tiles(source, tiles):
            began = perf_counter()
            features = compute(tile, image)
            seconds = perf_counter() - began
            yield tile, features[(slice(None), *tile.crop)]
            self.tile_done(seconds)

    def tile_done(self, seconds: float) -> None:
        """Counts a tile for which the network took `seconds`."""
        self.tiles_done += 1
        self.seconds += seconds
        self.context.on_tile(self.tiles_done, self._tiles)


def cut_tiles(
    source: ImageSource, tiles: Iterable[Tile]
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
    """Each tile and its image. The next one is read while the caller works on this one."""
    return prefetch(partial(tiling.cut, source.read, source.grid), tiles)
