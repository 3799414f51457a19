"""A slice on screen, and what is done on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

Voxel = NDArray[np.float64]


@dataclass(frozen=True)
class Slice:
    """A plane on screen: the voxels that pixels show."""

    origin: NDArray[np.float64]
    """Pixel of the voxel `at`."""
    at: Voxel
    axes: tuple[int, ...]
    """The voxel axes of the slice."""
    steps: NDArray[np.float64]
    """Pixels of a step along each of them, in columns."""

    @classmethod
    def of(cls, page: Page, plane: str, affine: NDArray[np.float64], at: Voxel) -> "Slice":
        def pixel(voxel: Voxel) -> NDArray[np.float64] | None:
            world = (affine @ [*voxel, 1])[:3].tolist()
            script = "([plane, p]) => window.tessera.project(p).find(one => one.plane === plane)"
            found = page.evaluate(script, [plane, world])
            return None if found is None else np.array([found["x"], found["y"]])

        origin = pixel(at)
        assert origin is not None
        steps = {axis: pixel(at + np.eye(3)[axis]) for axis in range(3)}
        shown = {axis: end - origin for axis, end in steps.items() if end is not None}
        return cls(origin, at, tuple(shown), np.stack(list(shown.values()), axis=1))

    def pixel(self, offset: tuple[float, float]) -> tuple[int, int]:
        """The whole pixel that is nearest to a place, in voxels."""
        x, y = (self.origin + self.steps @ np.array(offset)).round()
        return int(x), int(y)

    def voxel(self, pixel: tuple[int, int]) -> Voxel:
        """The place that a pixel shows, in voxels."""
        at = self.at.copy()
        at[list(self.axes)] += np.linalg.solve(self.steps, np.array(pixel) - self.origin)
        return at


def drag(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()
