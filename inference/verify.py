"""Holds a card against its network before the network is served."""

from contextlib import suppress
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from imaging import tiling
from imaging.box import Box
from imaging.errors import BadModel, Unavailable
from inference.cancellation import CancelToken
from inference.device import Device, choose
from inference.levels import cut_up, run
from inference.networks.session import Session
from inference.planner import Budget, rules
from inference.runtime_registry import AUTO, REFERENCE
from models.card import ModelCard
from models.registry import Model

TOLERANCE = 1e-4
"""Of the logits' range: what different kernels round for different shapes (fp32)."""


def verify(model: Model) -> None:
    """Raises BadModel unless the network does what its card says, in fp32, on ONNX Runtime's own
    provider and on the device that this machine would choose for it.

    Looked at: channels in and out, output sizes at the smallest legal inputs, and, for a network
    that its card calls exact, that an image in several tiles, and level by level, gives the logits
    of one pass.
    """
    for device in {Device(REFERENCE, "fp32"), choose(AUTO, "fp32")}:
        _verify(model.card, Session(model.verified, device))


def _verify(card: ModelCard, session: Session) -> None:
    for what, said, found in (
        ("spatial axes", card.dimension, session.dimension),
        ("input channels", card.components, session.components),
        ("output channels", len(card.outputs), session.outputs),
    ):
        if found is not None and said != found:
            raise _unlike(f"The network has {found} {what}.", f"Its card says {said}.")
    for axis, rule in enumerate(rules(card)):
        grid = [rule.at_least(2 * rule.align + 1) + rule.align // 2 for rule in rules(card)]
        small = rule.at_least(2 * rule.align + 2 * rule.margin)
        grid[axis] += small  # however long the halo, there are several tiles along this axis
        image = _slanted((card.components, *grid))
        one_pass = _logits(image, card, session)
        if card.exact:
            _compare(one_pass, _by_levels(image, card, session))
            tile = tuple(small if a == axis else None for a in range(card.dimension))
            _compare(one_pass, _logits(image, card, session, tile))


def _slanted(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Noise that grows along every axis: no part of it has the whole's means, as even noise has."""
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
    grid = image.shape[1:]
    wishes = tile or (None,) * len(grid)
    axes = (
        tuple(tiling.plan_axis(n, rule, at_most))
        for n, rule, at_most in zip(grid, rules(card), wishes, strict=True)
    )
    whole = np.empty((len(card.outputs), *grid), np.float32)
    for spans in product(*axes):
        part = tiling.Tile(spans)
        read = tiling.cut(lambda box: image[(slice(None), *box.slices)], grid, part)
        logits = session.logits(session.run(read[None], CancelToken()))[0]
        lost = 2 * np.array(card.halo) if card.padding == "valid" else 0
        if tuple(np.array(read.shape[1:]) - lost) != logits.shape[1:]:
            raise _unlike(
                f"An input of {read.shape[1:]} gives an output of {logits.shape[1:]}.",
                f"With padding '{card.padding}' and halo {card.halo} it should be another size.",
            )
        whole[(slice(None), *part.write.slices)] = logits[(slice(None), *part.crop)]
    return whole


def _by_levels(
    image: NDArray[np.float32], card: ModelCard, session: Session
) -> NDArray[np.float32]:
    """As where memory is short; `image` in one pass where the network cannot be cut."""
    grid = [rule.at_least(n) for n, rule in zip(image.shape[1:], rules(card), strict=True)]
    room, level = Budget(prod(grid) // 2), session.level
    work = None
    if level is not None and card.padding == "same":
        with suppress(Unavailable):  # the image is too small for that
            work = cut_up(level, grid, prod, room)
    if level is None or work is None:
        return _logits(image, card, session)

    def read(box: Box) -> NDArray[np.float32]:
        return image[(slice(None), *box.slices)]

    whole = np.empty((len(card.outputs), *grid), np.float32)
    for tile, found in run(
        work, level, read, image.shape[1:], session, CancelToken(), None, lambda _: None
    ):
        whole[(slice(None), *tile.keep.slices)] = session.logits(found[None])[0]
    return whole[tuple(slice(n) for n in (len(whole), *image.shape[1:]))]


def _compare(one_pass: NDArray[np.float32], tiled: NDArray[np.float32]) -> None:
    difference = float(np.abs(one_pass - tiled).max())
    if not difference <= TOLERANCE * max(float(np.ptp(one_pass)), 1e-6):
        raise _unlike(
            f"In tiles, logits differ by {difference:.3g} from one pass.",
            "The card says exact: true.",
        )


def _unlike(detail: str, expected: str) -> BadModel:
    return BadModel(
        detail,
        expected=expected,
        hint="Correct the card (see docs/how-to/own-model.md), then add the model again.",
    )
