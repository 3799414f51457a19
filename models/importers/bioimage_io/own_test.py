"""Compares an import with the package's own test tensors, through Tessera's own preparation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import TypeAdapter

from imaging.errors import BadModel
from imaging.preparation.prepared import Prepared, PreparedChannel
from imaging.preparation.steps import AnyPreparation
from models.importers.bioimage_io.description import Description, File, Tolerance
from models.importers.bioimage_io.frame import Frame
from models.importers.bioimage_io.postprocessing import Outputs
from models.importers.bioimage_io.refusals import damaged
from models.importers.bioimage_io.source_files import PackageFiles

_STEPS: TypeAdapter[tuple[Any, ...]] = TypeAdapter(tuple[AnyPreparation, ...])


@dataclass(frozen=True, slots=True)
class TestTensors:
    """A package's test tensors, (n, channels, *space) each."""

    input: NDArray[np.float32]
    output: NDArray[np.float32]


def read_test_tensors(
    package: PackageFiles, description: Description, frame: Frame
) -> TestTensors | None:
    """None where the package has none; raises BadModel where they are damaged."""
    first, last = description.input, description.output
    if first.test is None or last.test is None:
        return None
    tensors = TestTensors(
        frame.of_input(_array(package, first.test, len(first.axes))),
        frame.of_output(_array(package, last.test, len(last.axes))),
    )
    for tensor, array in ((first, tensors.input), (last, tensors.output)):
        stated = tensor.only("channel").size
        if stated not in (None, array.shape[1]):
            raise damaged(
                f"The test tensor of {tensor.name} has {array.shape[1]} channels, and the "
                f"description states {stated}."
            )
    return tensors


def _array(package: PackageFiles, file: File, axes: int) -> NDArray[np.float32]:
    path = package.path(file.source, file.sha256)
    try:
        array = np.load(path, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, EOFError, TypeError, MemoryError) as error:
        raise damaged(f"{file.source} is no array in NumPy's format.") from error
    if array.ndim != axes or not array.size:
        raise damaged(f"{file.source} has {array.ndim} axes, and the description states {axes}.")
    return np.asarray(array, np.float32)


def check_test(
    file: Path,
    card: Mapping[str, Any],
    tensors: TestTensors,
    outputs: Outputs,
    offsets: NDArray[np.float32],
    tolerance: Tolerance,
) -> None:
    """Raises BadModel, with figures, where the network makes another output of the test input.

    `file`: the network as it is imported. `card`: its channels and preparation, which make the
    network's input. `offsets`: what the network subtracts from each channel.
    """
    prepared = np.stack([_prepared(one, card) for one in tensors.input])
    logits = _run(file, prepared)
    shape = (1, len(offsets), *(1,) * (logits.ndim - 2))
    actual = outputs.of_logits(logits, offsets.reshape(shape)).astype(np.float32)
    expected = tensors.output
    if actual.shape != expected.shape:
        raise _differs(
            f"an output of shape {actual.shape}; the package's has {expected.shape}", tolerance
        )
    difference = np.abs(actual - expected)
    wrong = ~(difference <= tolerance.absolute + tolerance.relative * np.abs(expected))
    if wrong.sum() > tolerance.mismatched_ppm / 1e6 * expected.size:
        raise _differs(
            f"another output: {int(wrong.sum()):,} of {expected.size:,} values differ by more than "
            f"the package allows, at most by {np.nanmax(difference):.4g}",
            tolerance,
        )


def _prepared(values: NDArray[np.float32], card: Mapping[str, Any]) -> NDArray[np.float32]:
    """What the card's preparation makes of an image (channels, *space)."""
    channels = tuple(
        PreparedChannel(one["name"], one.get("components", 1)) for one in card["channels"]
    )
    prepared = Prepared(values.copy(), channels, None)
    steps: Sequence[AnyPreparation] = _STEPS.validate_python(card.get("preparation", ()))
    for step in steps:
        prepared = step.apply(prepared)
    return prepared.values


def _run(file: Path, image: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        logits: NDArray[np.float32] = session.run(None, {name: image})[0]
    except Exception as error:  # of a kind of the runtime's own
        raise BadModel(
            f"The network fails for the package's own test input, of shape {image.shape}.",
            expected="A network that ONNX Runtime can run.",
            hint="Test the package with bioimageio.core, and export its network again.",
        ) from error
    return logits


def _differs(what: str, tolerance: Tolerance) -> BadModel:
    return BadModel(
        f"Of the package's test input, the imported model makes {what}.",
        expected=f"The test output within {tolerance.absolute:g} plus {tolerance.relative:g} of "
        f"each value, except for {tolerance.mismatched_ppm:g} of a million values.",
        hint="Test the package with bioimageio.core: its preprocessing, its weights and its test "
        "tensors do not belong together, or its steps mean something else there.",
    )
