"""Exports a trained network to model.onnx and card.json, and verifies that the results are equal.

The graph takes `image` (n, c, *spatial) float32 and returns `logits` (n, outputs, *spatial); batch
and spatial sizes are free. The file contains every weight under its name in torch
(`models.nets.onnx_file`), so that a training can start from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from imaging.errors import BadModel
from models.card import ModelCard
from models.card_facts import CardFacts
from models.card_parts import Parent, Training
from models.nets.config import UNetConfig
from models.nets.cost import cost
from models.nets.onnx_file import to_onnx
from models.nets.receptive_field import ReceptiveField, is_local, receptive_field
from models.nets.unet import UNet
from models.training.checkpoint import UNREADABLE, network_of

TOLERANCE = 1e-4
"""Allowed difference, relative to the range of the logits: kernels round differently for different
shapes and runtimes."""


def export(checkpoint: Path, out: Path) -> ModelCard:
    """Exports the network of a training's best.pt into the folder `out`.

    Raises BadModel if the checkpoint cannot be read, or if the exported network differs from it.
    """
    try:
        state = torch.load(checkpoint, weights_only=True, map_location="cpu")
        network = network_of(state)
        _add_offsets(network, state.get("logit_offsets", ()))
        facts = CardFacts.model_validate(state["card"])
        training = Training.model_validate(state["training"])
    except UNREADABLE as error:
        raise BadModel(
            "The checkpoint cannot be read as a trained network.",
            expected="The best.pt that a training wrote.",
            hint="Choose that file, or train again.",
        ) from error
    return export_network(network, facts, out, state["figures"], training)


def export_network(
    network: UNet,
    facts: CardFacts,
    out: Path,
    figures: Mapping[str, float] | None = None,
    training: Training | None = None,
    parent: Parent | None = None,
) -> ModelCard:
    """Writes out/model.onnx and out/card.json. Writes nothing if they differ (BadModel)."""
    _check_fits(facts, network.config)
    network = deepcopy(network).eval()
    field, costs = receptive_field(network.config), cost(network.config)
    model = to_onnx(network)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    check_parity(network, session, field)
    axes = network.config.dimension
    card = ModelCard(
        **facts.model_dump(),
        dimension=axes,
        padding=field.padding,
        halo=(field.halo,) * axes,
        align=(field.align,) * axes,
        minimum=(field.minimum,) * axes,
        exact=is_local(network.config) and is_exact(session, field),
        parameters=costs.parameters,
        multiply_adds_per_voxel=costs.multiply_adds_per_voxel,
        bytes_per_voxel=costs.bytes_per_voxel,
        figures={name: round(float(value), 4) for name, value in (figures or {}).items()},
        training=training,
        parent=parent,
        sha256=sha256(model).hexdigest(),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(model)
    card.save(out / "card.json")
    return card


def check_parity(
    network: UNet, session: onnxruntime.InferenceSession, field: ReceptiveField
) -> None:
    """Raises BadModel if ONNX Runtime and torch differ for any of several legal sizes."""
    for image in _images(network.config, field):
        with torch.inference_mode():
            expected = network(torch.from_numpy(image)).numpy()
        logits = _run(session, image)
        if logits.shape != expected.shape or not _equal(logits, expected):
            raise _mismatch("The exported network gives other logits than torch.")


def check_file(network: UNet, path: Path) -> None:
    """Raises BadModel if an exported file and torch give other logits; see `check_parity`."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    check_parity(network, session, receptive_field(network.config))


def is_exact(session: onnxruntime.InferenceSession, field: ReceptiveField) -> bool:
    """Whether a part of an image gets the same logits as in the whole image."""
    context = 0 if field.padding == "valid" else -(-field.halo // field.align) * field.align
    _, channels, *spatial = session.get_inputs()[0].shape
    size = field.legal(2 * context + field.minimum + 2 * field.align)
    whole = _slanted(_noise((1, channels, *(size for _ in spatial))))
    logits = _run(session, whole)
    step, end = field.align, logits.shape[2]
    for cut, in_whole, in_part in (
        (slice(step, None), slice(step + context, None), slice(context, None)),
        (slice(0, -step), slice(0, end - step - context), slice(0, end - step - context)),
    ):
        part = _part(_run(session, _part(whole, cut)), in_part)
        expected = _part(logits, in_whole)
        if part.shape != expected.shape or not _equal(part, expected):
            return False
    return True


def _add_offsets(network: UNet, offsets: Sequence[float]) -> None:
    """Adds `offsets`, one for each output, to the network's logits."""
    if offsets:
        bias = network.get_parameter("head.bias")
        bias.data += torch.tensor(offsets, dtype=bias.dtype)


def _check_fits(facts: CardFacts, config: UNetConfig) -> None:
    if len(facts.outputs) != config.out_channels:
        raise _mismatch(
            f"The card has {len(facts.outputs)} outputs, the network {config.out_channels}."
        )
    if facts.components != config.in_channels:
        raise _mismatch(
            f"The card has {facts.components} input components, the network {config.in_channels}."
        )


def _images(config: UNetConfig, field: ReceptiveField) -> Iterator[NDArray[np.float32]]:
    """Noise: of the smallest legal size, of sizes that differ per axis, and a batch of two."""
    for count, steps in ((1, (0, 0, 0)), (1, (1, 0, 2)), (2, (2, 3, 1))):
        size = [field.minimum + n * field.align for n in steps[: config.dimension]]
        yield _noise((count, config.in_channels, *size))


def _noise(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _slanted(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brighter along every axis, so that the mean of a part differs from the mean of the whole."""
    for axis in range(2, values.ndim):
        shape = [1] * values.ndim
        shape[axis] = -1
        values = values + np.linspace(0, 4, values.shape[axis], dtype=np.float32).reshape(shape)
    return values


def _part(values: NDArray[np.float32], cut: slice) -> NDArray[np.float32]:
    """(n, c, *spatial), cropped by the same slice on every spatial axis."""
    return values[(slice(None), slice(None), *(cut for _ in values.shape[2:]))]


def _run(session: onnxruntime.InferenceSession, image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(session.run(["logits"], {"image": image})[0])


def _equal(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    span = float(other.max() - other.min())
    return bool(np.abs(one - other).max() <= TOLERANCE * max(span, 1e-6))


def _mismatch(detail: str) -> BadModel:
    return BadModel(
        detail,
        expected="The network that was trained, with a card that fits it.",
        hint="Correct the card or the network in the configuration and export again.",
    )
