"""What the values of a scan show about it where its file does not state it: a CT, or colours.

Only some blocks are read, spread over the scan: the same ones for the same scan.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.scan import Scan

_BLOCKS, _BLOCK_VALUES = 16, 1 << 18
_AIR, _BODY = (-1100, -700), (-250, 350)
"""Hounsfield units of air and emphysema, and of fat, water and soft tissue."""
_LEAST_AIR, _LEAST_BODY, _LEAST_BOTH = 0.005, 0.05, 0.7
"""Parts of the values of a CT. The rest is lung, contrast medium, bone and metal."""
_OUTSIDE = -1500
"""Scanners write lower values outside of the field of view."""
_LEAST_INSIDE = 0.25
_LEAST_COLOUR = 0.02
"""Mean difference of two components, of the range of the values: above the noise of JPEG."""


def looks_like_ct(scan: Scan) -> bool:
    """Whether the values are like the Hounsfield units of a body with air around or inside it.

    False for a CT without air, such as a crop of an organ, and for one in other units.
    """
    values = np.concatenate([_finite(block) for block in _sampled(scan)])
    inside = values[values > _OUTSIDE]
    if not len(inside) or len(inside) < _LEAST_INSIDE * len(values):
        return False
    air, body = (float(((inside >= a) & (inside <= b)).mean()) for a, b in (_AIR, _BODY))
    return air >= _LEAST_AIR and body >= _LEAST_BODY and air + body >= _LEAST_BOTH


def is_coloured(scan: Scan) -> bool:
    """Whether an RGB image shows colours, not grey values stored three times."""
    if scan.shape[0] < 3:
        return False
    sample = np.concatenate([block[:3].reshape(3, -1) for block in _sampled(scan)], axis=1)
    rgb = sample[:, np.isfinite(sample).all(axis=0)].astype(np.float64)
    if not rgb.size or not (width := float(np.ptp(rgb))):
        return False
    apart = np.abs(np.diff(rgb, axis=0)).mean(axis=1).max()
    return bool(apart > _LEAST_COLOUR * width)


def _sampled(scan: Scan) -> Iterator[NDArray[Any]]:
    """Blocks (c, *box.shape), at least one."""
    boxes = list(blocks(scan.grid, max(1, _BLOCK_VALUES // scan.shape[0])))
    chosen = np.unique(np.linspace(0, len(boxes) - 1, _BLOCKS).round().astype(int))
    for n in chosen:
        yield _without_padding(scan, boxes[n])


def _without_padding(scan: Scan, box: Box) -> NDArray[Any]:
    block, padding = scan.read(box), scan.padding_in(box)
    return block if padding is None else block[:, ~padding]


def _finite(block: NDArray[Any]) -> NDArray[np.float64]:
    values = block.astype(np.float64).ravel()
    return values[np.isfinite(values)]
