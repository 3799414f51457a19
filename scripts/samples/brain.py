"""A drawing like T1 MRI of a stripped brain, of ellipsoids and tubes in MNI coordinates."""

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scripts.samples.noise import smooth
from scripts.samples.shapes import Grid, Inside

WHOLE = Grid((-72, -110, -66), (73, 76, 82), 1.5)
TEMPORAL = Grid((-58, -60, -48), (4, 16, 18), 1.0)
CROP = (slice(11, 51), slice(10, 66), slice(11, 55))
"""The part of TEMPORAL around the left hippocampus, without the edges of the drawing."""

AIR, GREY, WHITE, FLUID, CEREBELLUM, STEM, DEEP, HIPPOCAMPUS, PALLIDUM, ARBOR = range(10)
T1 = np.array([0.0, 0.56, 0.82, 0.16, 0.54, 0.76, 0.62, 0.56, 0.72, 0.80])
"""Brightness of each tissue."""
BRIGHT = 110
"""Stored value of the brightness 1; a large one makes the file larger."""
CORTEX_MM, SULCUS_MM = 3.6, 15.0


def head(path: Path) -> None:
    """Writes the whole brain at 1.5 mm."""
    _save(path, _image(WHOLE, grain=0.01), WHOLE.affine)


def left_hippocampus(path: Path) -> None:
    """Writes a crop around the left hippocampus at 1 mm."""
    affine = TEMPORAL.affine
    affine[:3, 3] += [part.start for part in CROP]
    _save(path, _image(TEMPORAL, grain=0.03)[CROP], affine)


def _save(path: Path, image: NDArray[np.uint8], affine: NDArray[np.float64]) -> None:
    nibabel.save(nibabel.Nifti1Image(image, affine), path)


def _image(grid: Grid, grain: float) -> NDArray[np.uint8]:
    random = np.random.default_rng(0)
    tissue = _tissues(grid, random)
    values = T1[tissue] + (tissue > 0) * grain * random.standard_normal(grid.shape)
    bias = 1 + 0.05 * smooth(random, grid.shape, 40 / grid.spacing_mm)
    return np.clip(BRIGHT * ndimage.gaussian_filter(values, 0.5) * bias, 0, 255).astype(np.uint8)


def _tissues(grid: Grid, random: np.random.Generator) -> NDArray[np.uint8]:
    """The tissue of each voxel; later shapes are painted over earlier ones."""
    cerebrum, cerebellum, stem = _cerebrum(grid), _cerebellum(grid), _stem(grid)
    tissue = np.full(grid.shape, AIR, np.uint8)
    tissue[_hull(cerebrum | cerebellum | stem)] = FLUID
    _paint_cortex(tissue, cerebrum, grid, random)
    _paint_core(tissue, grid)
    _paint_temporal_lobe(tissue, grid)
    tissue[cerebellum] = CEREBELLUM
    deep = _depth_mm(cerebellum, grid) > 7
    tissue[cerebellum & deep & (smooth(random, grid.shape, 4 / grid.spacing_mm) > -0.3)] = ARBOR
    tissue[stem] = STEM
    return tissue


def _cerebrum(grid: Grid) -> Inside:
    temporal = grid.ball((38, -10, -14), (27, 44, 28))
    frontal = grid.ball((22, 35, -5), (40, 40, 22))
    above = np.asarray(grid.mm[2] > -12)
    return grid.ball((0, -18, 14), (68, 88, 60)) & (above | temporal | frontal)


def _cerebellum(grid: Grid) -> Inside:
    return grid.ball((24, -62, -34), (27, 28, 21)) | grid.ball((0, -62, -32), (14, 22, 20))


def _stem(grid: Grid) -> Inside:
    return grid.ball((0, -22, -30), (15, 12, 16)) | grid.tube((0, -24, -10), (0, -36, -66), 9)


def _hull(brain: Inside) -> Inside:
    """The brain, its gaps, and two voxels of fluid around it."""
    wide = np.pad(brain, 12)
    closed = ndimage.binary_closing(wide, iterations=8)[12:-12, 12:-12, 12:-12]
    return np.asarray(ndimage.binary_dilation(closed, iterations=2))


def _paint_cortex(
    tissue: NDArray[np.uint8], cerebrum: Inside, grid: Grid, random: np.random.Generator
) -> None:
    """White matter below a sheet of cortex, which follows the sulci and the median fissure."""
    median, _, z = grid.mm
    folds = np.abs(smooth(random, grid.shape, 7 / grid.spacing_mm)) < 0.13
    sulci = folds & (_depth_mm(cerebrum, grid) < SULCUS_MM) & (z > -10)
    solid = cerebrum & ~sulci
    tissue[solid] = WHITE
    tissue[solid & (_depth_mm(solid, grid) < CORTEX_MM)] = GREY
    tissue[cerebrum & (median < 1.6) & (z > 14)] = FLUID
    beside = (median >= 1.6) & (median < 4.5) & (z > 18)
    tissue[cerebrum & beside & (tissue == WHITE)] = GREY


def _paint_core(tissue: NDArray[np.uint8], grid: Grid) -> None:
    """Ventricles and deep nuclei in white matter."""
    tissue[grid.ball((0, -12, 6), (36, 48, 24))] = WHITE
    lateral = grid.ball((11, -14, 20), (6, 34, 8)) | grid.tube((14, -40, 16), (28, -42, -2), 5)
    third = grid.ball((0, -10, 2), (5, 14, 9)) & (grid.mm[0] < 2)
    tissue[lateral | third] = FLUID
    tissue[grid.ball((11, -18, 7), (9, 14, 8))] = DEEP  # thalamus
    tissue[grid.ball((14, 12, 9), (5, 13, 10))] = DEEP  # caudate
    tissue[grid.ball((25, 3, 1), (5, 15, 10))] = DEEP  # putamen
    tissue[grid.ball((18, -3, 0), (4, 8, 6))] = PALLIDUM
    tissue[grid.ball((22, -5, -19), (7, 7, 7))] = DEEP  # amygdala


def _paint_temporal_lobe(tissue: NDArray[np.uint8], grid: Grid) -> None:
    """The hippocampus between temporal horn, collateral sulcus and parahippocampal gyrus."""
    tissue[grid.tube((36, -4, -34), (38, -50, -20), 4.5)] = GREY
    tissue[grid.tube((36, -4, -34), (38, -50, -20), 1.2)] = FLUID
    tissue[grid.tube((17, -8, -26), (19, -40, -12), 4)] = GREY
    tissue[grid.tube((31, -9, -16), (35, -36, -3), 3.2)] = FLUID
    body = grid.tube((25, -16, -18), (29, -32, -8), 4.6)
    tail = grid.tube((29, -32, -8), (24, -40, 0), 3.4)
    tissue[grid.ball((24, -13, -19), (7.5, 7, 5.5)) | body | tail] = HIPPOCAMPUS


def _depth_mm(inside: Inside, grid: Grid) -> NDArray[np.float64]:
    """Distance to the outside."""
    return np.asarray(ndimage.distance_transform_edt(inside)) * grid.spacing_mm
