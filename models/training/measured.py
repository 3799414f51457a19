"""Measures a network on held-out cases, tile by tile, with the card's post-processing."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imaging.box import Box
from imaging.instances import number_instances
from imaging.large_arrays import large_zeros
from imaging.postprocessing.mask_context import MaskContext
from imaging.tiling import Plan, TileRule, cut, paste, plan_axis
from models.nets.receptive_field import ReceptiveField, is_local
from models.nets.unet import UNet
from models.training.config import TrainingConfig
from models.training.data import Case
from models.training.evaluate import mask_scores, painted

_LARGEST = {2: 1536, 3: 144}
"""Largest tile in voxels per axis."""
_LABELS = np.dtype(np.uint16)


def measure(
    network: UNet,
    field: ReceptiveField,
    config: TrainingConfig,
    cases: Sequence[Case],
    scratch: Path,
    on_case: Callable[[int], None],
) -> list[dict[str, float]]:
    """The metrics of each case, on the network's grid; see `evaluate.scores`."""
    results = []
    for number, case in enumerate(cases):
        on_case(number)
        mask = segmented(network, field, config, case, scratch)
        results.append(mask_scores(mask, case.label, config))
    on_case(len(cases))
    return results


def segmented(
    network: UNet, field: ReceptiveField, config: TrainingConfig, case: Case, scratch: Path
) -> NDArray[np.uint16]:
    """The mask of a case: label values, or numbered objects. The same for all tile sizes."""
    rule = TileRule(field.halo, field.align, field.minimum, field.padding == "valid")
    most = None
    if is_local(network.config):
        most = max(_LARGEST[network.config.dimension], rule.minimum + 2 * rule.margin + rule.align)
    grid = case.image.shape[1:]
    plan = Plan(tuple(tuple(plan_axis(length, rule, most)) for length in grid))
    mask = large_zeros(grid, _LABELS, scratch)

    def read(box: Box) -> NDArray[np.float32]:
        return np.asarray(case.image[(slice(None), *box.slices)])

    for tile in plan:
        logits = _logits(network, np.ascontiguousarray(cut(read, grid, tile)))
        paste(mask, tile, painted(logits[(slice(None), *tile.crop)], config).astype(_LABELS))
    if (rule_of_objects := config.card.instances) is not None:
        return number_instances(
            mask, rule_of_objects.seed, rule_of_objects.rim, rule_of_objects.min_voxels, scratch
        )
    for step in config.card.postprocessing:
        step.apply(mask, MaskContext(config.card.spacing_mm))
    return mask


def _logits(network: nn.Module, tile: NDArray[np.float32]) -> NDArray[np.float32]:
    device = next(network.parameters()).device
    with torch.inference_mode():
        logits = network(torch.from_numpy(tile)[None].to(device))
    return np.asarray(logits[0].float().cpu().numpy())
