"""A network on batches of windows, each in all the mirrorings of the card."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from inference.cancellation import CancelToken
from inference.networks.session import Runner
from models.windows import Windows


class MirroredNetwork:
    """The sum of the features over all combinations of mirrored axes."""

    def __init__(
        self,
        session: Runner,
        windows: Windows,
        token: CancelToken,
        most_images: int,
        *,
        logits: bool = False,
    ) -> None:
        """`most_images`: how many images go through the network together, mirrored ones too.
        `logits`: return these instead of features."""
        self._session, self._token = session, token
        self._slicewise, self._logits = windows.slicewise, logits
        self._flips = mirrorings(windows.network_mirror_axes)
        self.most_images = min(most_images, session.batch or most_images)

    @property
    def most_windows(self) -> int:
        """How many windows to run together, at least one."""
        return max(1, self.most_images // len(self._flips))

    @property
    def passes(self) -> int:
        """How often the network runs on each window: the sum is that of so many outputs."""
        return len(self._flips)

    def run(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Images (n, channels, *patch) -> n sums of features (any, *patch).

        Where memory is short for a batch, it is halved, and stays so. Raises MemoryError where
        memory is short for one image, and what `Runner.run` raises.
        """
        if self._slicewise:
            images = images[:, :, 0]
        sums = dict[int, NDArray[np.float32]]()
        for index, features in self._mirrored(images):
            if index in sums:
                sums[index] += features
            else:
                sums[index] = features if self.passes == 1 else features.copy()
        total = [sums[index] for index in range(len(images))]
        return [features[:, np.newaxis] for features in total] if self._slicewise else total

    def _mirrored(self, images: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The index of an image and its features (any, *patch), for each image and mirroring."""
        todo = [(index, flip) for flip in self._flips for index in range(len(images))]
        while todo:
            batch = todo[: self.most_images]
            try:
                features = self._run([np.flip(images[index], flip) for index, flip in batch])
            except MemoryError:
                if len(batch) == 1:
                    raise
                self._session.release_memory()
                self.most_images = len(batch) // 2
                continue
            for (index, flip), values in zip(batch, features, strict=True):
                yield index, np.flip(values, flip)
            todo = todo[len(batch) :]

    def _run(self, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        features = self._session.run(np.stack(images), self._token)
        return self._session.logits(features) if self._logits else features


def mirrorings(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """All combinations of the axes, first none, as axes of an array (channels, *spatial)."""
    return [
        tuple(axis + 1 for axis in chosen)
        for count in range(len(axes) + 1)
        for chosen in combinations(axes, count)
    ]
