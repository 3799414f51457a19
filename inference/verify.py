"""Verifies a card against its network before the network is served."""

from contextlib import suppress
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from imaging import tiling
from imaging.errors import BadModel, Unavailable
from inference.device import Device, choose
from inference.levels import StoredImage, plan_cut, run_levels
from inference.network_run import NetworkRun
from inference.networks.reach_probe import proved
from inference.networks.session import Session
from inference.planner import Budget
from inference.run_context import RunContext
from inference.runtime_registry import AUTO, REFERENCE
from models.card import ModelCard
from models.derived_fields import check_derived_fields
from models.onnx_graph.derive import derive
from models.onnx_graph.network_file import read_network
from models.registry import Model
from models.tile_rules import tile_rules

TOLERANCE = 1e-4
"""Largest difference relative to the range of the logits: kernels for different shapes round
differently (fp32)."""


def verify(model: Model) -> None:
    """Raises BadModel unless the network does what its card states.

    Halo, align, sizes, padding and exactness are derived from the network's graph and proved on
    the network by a probe. Then the network runs in fp32, on the reference runtime and on the
    runtime that this machine would choose: channels in and out, output sizes at the smallest legal
    inputs and, for an exact network, that an image in several tiles, and level by level, has the
    logits of one pass.
    """
    for one in model.networks:
        network, sessions = read_network(one.verified), _sessions(one)
        if one.card.windows is None:
            check_derived_fields(one.card, proved(network, derive(network)))
        for session in sessions:
            _verify(one.card, session)


def _sessions(model: Model) -> list[Session]:
    """On the reference runtime, and on the best one of this machine if that loads the network."""
    reference, best = Device(REFERENCE, "fp32"), choose(AUTO, "fp32")
    sessions = [Session(model.verified, reference)]
    if best != reference:
        with suppress(BadModel):  # the network will run on the reference runtime
            sessions.append(Session(model.verified, best))
    return sessions


def _verify(card: ModelCard, session: Session) -> None:
    for what, stated, actual in (
        ("spatial axes", card.network_dimension, session.dimension),
        ("input channels", card.components, session.components),
        ("output channels", len(card.outputs), session.outputs),
    ):
        if actual is not None and stated != actual:
            raise _mismatch(f"The network has {actual} {what}.", f"Its card states {stated}.")
    if card.windows is not None:
        _verify_window(card, card.windows.network_patch, session)
        return
    for axis, rule in enumerate(tile_rules(card)):
        grid = [rule.at_least(2 * rule.align + 1) + rule.align // 2 for rule in tile_rules(card)]
        small = rule.at_least(2 * rule.align + 2 * rule.margin)
        grid[axis] += small  # several tiles along this axis, whatever the halo
        image = _slanted((card.components, *grid))
        one_pass = _logits(image, card, session)
        if card.exact:
            _compare(one_pass, _by_levels(image, card, session))
            tile = tuple(small if a == axis else None for a in range(card.dimension))
            _compare(one_pass, _logits(image, card, session, tile))


def _verify_window(card: ModelCard, patch: tuple[int, ...], session: Session) -> None:
    """Windows have one shape; images of a batch must not affect each other."""
    if (session.batch or 1) > 1:
        raise _mismatch(
            f"The network accepts only batches of {session.batch} images.",
            "A batch size that is free, or 1.",
        )
    images = np.stack([_slanted((card.components, *patch)), np.zeros((card.components, *patch))])
    images = images.astype(np.float32)
    alone = session.logits(session.run(images[:1]))[0]
    if alone.shape != (len(card.outputs), *patch):
        raise _mismatch(
            f"An input of {patch} gives an output of {alone.shape[1:]}.",
            "A window's output must have the size of windows.patch.",
        )
    if session.batch == 1:
        return
    together = session.logits(session.run(images))[0]
    difference = float(np.abs(alone - together).max())
    if not difference <= TOLERANCE * max(float(np.ptp(alone)), 1e-6):
        raise _mismatch(
            f"In a batch, the logits of an image differ by {difference:.3g}.",
            "The logits of an image must not depend on the other images of a batch.",
        )


def _slanted(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Noise that grows along every axis, so that no part of it has the statistics of the whole."""
    image = np.random.default_rng(0).standard_normal(shape)
    for axis in range(1, len(shape)):
        ramp = np.linspace(0, 4, shape[axis])
        image += ramp.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return image.astype(np.float32)


def _logits(
    image: NDArray[np.float32],
    card: ModelCard,
    session: Session,
    tile: tuple[int | None, ...] | None = None,
) -> NDArray[np.float32]:
    grid, source = image.shape[1:], StoredImage(image)
    limits = tile or (None,) * len(grid)
    axes = (
        tuple(tiling.plan_axis(n, rule, at_most))
        for n, rule, at_most in zip(grid, tile_rules(card), limits, strict=True)
    )
    whole = np.empty((len(card.outputs), *grid), np.float32)
    for spans in product(*axes):
        part = tiling.Tile(spans)
        read = tiling.cut(source.read, grid, part)
        logits = session.logits(session.run(read[None]))[0]
        lost = 2 * np.array(card.halo) if card.padding == "valid" else 0
        if tuple(np.array(read.shape[1:]) - lost) != logits.shape[1:]:
            raise _mismatch(
                f"An input of {read.shape[1:]} gives an output of {logits.shape[1:]}.",
                f"Padding '{card.padding}' and halo {card.halo} require another size.",
            )
        whole[(slice(None), *part.write.slices)] = logits[(slice(None), *part.crop)]
    return whole


def _by_levels(
    image: NDArray[np.float32], card: ModelCard, session: Session
) -> NDArray[np.float32]:
    """Logits level by level, as with little memory; in one pass if the network cannot be cut."""
    grid = [rule.at_least(n) for n, rule in zip(image.shape[1:], tile_rules(card), strict=True)]
    budget, level, work = Budget(prod(grid) // 2), session.level, None
    if level is not None and card.padding == "same":
        with suppress(Unavailable):  # the image is too small to be cut
            work = plan_cut(level, grid, prod, budget)
    if level is None or work is None:
        return _logits(image, card, session)
    run = NetworkRun(session, RunContext(), work.tiles)
    whole = np.empty((len(card.outputs), *grid), np.float32)
    for tile, features in run_levels(work, level, StoredImage(image), run):
        whole[(slice(None), *tile.keep.slices)] = session.logits(features[None])[0]
    return whole[tuple(slice(n) for n in (len(whole), *image.shape[1:]))]


def _compare(one_pass: NDArray[np.float32], tiled: NDArray[np.float32]) -> None:
    difference = float(np.abs(one_pass - tiled).max())
    if not difference <= TOLERANCE * max(float(np.ptp(one_pass)), 1e-6):
        raise _mismatch(
            f"Logits in tiles differ by {difference:.3g} from those of one pass.",
            "The card states exact: true.",
        )


def _mismatch(detail: str, expected: str) -> BadModel:
    return BadModel(
        detail,
        expected=expected,
        hint="Correct the card (see docs/how-to/own-model.md), then add the model again.",
    )
