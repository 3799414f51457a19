"""A network on a device, whichever runtime that is."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadModel
from inference.brake import Brake
from inference.runtime.device import Device, cores
from inference.runtime.onnx_runtime import OnnxRuntime
from inference.runtime.openvino import OpenVino
from inference.runtime.shortage import short_of_memory

Shape = tuple[int | None, ...]
"""(n, channels, *spatial); None where any number will do."""


Step = Callable[[Brake], NDArray[np.float32]]


class Level(Protocol):
    """A network at one resolution, as a whole and in parts; see `inference.runtime.cut`."""

    @property
    def made(self) -> int: ...

    @property
    def reach(self) -> int | None: ...

    @property
    def below(self) -> "Level | None": ...

    @property
    def entered(self) -> int: ...

    @property
    def reach_down(self) -> int: ...

    @property
    def reach_up(self) -> int: ...

    def run(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]: ...

    def down(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]: ...

    def up(
        self, image: NDArray[np.float32], below: NDArray[np.float32], brake: Brake
    ) -> NDArray[np.float32]: ...

    def rest(self) -> None: ...


class Network(Protocol):
    """What a runtime makes of a file."""

    inputs: Shape
    outputs: Shape

    @property
    def level(self) -> Level | None: ...

    def run(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]: ...

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]: ...

    def rest(self) -> None: ...


class Runner(Protocol):
    """What a pipeline needs of a session: `logits(run(image))`.

    Between the two lies what is large: with many classes `run` ends before the last layer, and
    `logits` is asked for a part of a tile at a time.
    """

    def run(
        self, image: NDArray[np.float32], brake: Brake | None = None
    ) -> NDArray[np.float32]: ...

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]: ...

    @property
    def level(self) -> Level | None: ...

    def step(self, step: Step, shape: tuple[int, ...], brake: Brake) -> NDArray[np.float32]: ...

    def rest(self) -> None: ...


class Session:
    """Takes (n, c, *spatial) float32; `logits(run(image))` are (n, outputs, *spatial)."""

    def __init__(
        self, network: Path, device: Device, threads: int = 0, cache: Path | None = None
    ) -> None:
        """`threads` 0: all cores; `cache`: a folder for what the runtime compiles.

        Raises BadModel where the runtime does not take the network, MemoryError where it does not
        fit.
        """
        self.device = device
        self._busy = threading.Lock()
        try:
            self._network = _load(network, device, threads or cores(), _usable(cache))
        except Exception as error:
            if short_of_memory(error):
                raise MemoryError(f"the network did not fit on {device.name}") from error
            raise BadModel(
                f"The network cannot be loaded on {device.name}.",
                expected="An ONNX network with opset 22 or lower and operators that are known.",
                hint="Export the network again, or try another device.",
            ) from error

    @property
    def components(self) -> int | None:
        """Input channels, where the network fixes them."""
        return self._network.inputs[1]

    @property
    def outputs(self) -> int | None:
        """Output channels, where the network fixes them."""
        return self._network.outputs[1]

    @property
    def dimension(self) -> int:
        """Spatial axes of the input."""
        return len(self._network.inputs) - 2

    def run(self, image: NDArray[np.float32], brake: Brake | None = None) -> NDArray[np.float32]:
        """What `logits` makes the logits of a batch of tiles of.

        Raises JobLost when the brake was pulled meanwhile.
        """
        tile = np.ascontiguousarray(image, np.float32)
        return self.step(lambda brake: self._network.run(tile, brake), tile.shape, brake or Brake())

    @property
    def level(self) -> Level | None:
        """The network in parts, where the runtime can cut it."""
        return self._network.level

    def step(self, step: Step, shape: tuple[int, ...], brake: Brake) -> NDArray[np.float32]:
        """Runs a part of the network on a tile of `shape`, as `run` does all of it."""
        brake.check()
        try:
            with self._busy:
                return step(brake)
        except Exception as error:
            brake.check()
            raise _run_error(error, shape, self.device) from error

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of any part of what `run` found, (n, features, *spatial)."""
        try:
            return self._network.logits(found)
        except Exception as error:
            raise _run_error(error, found.shape, self.device) from error

    def rest(self) -> None:
        """Gives working memory back; the next run takes it anew."""
        with self._busy:
            self._network.rest()


def _load(network: Path, device: Device, threads: int, cache: Path | None) -> Network:
    if device.name == "openvino":
        return OpenVino(network, device.precision, threads, cache)
    return OnnxRuntime(network, device, threads, cache)


def _usable(cache: Path | None) -> Path | None:
    """A folder that is there; none where it cannot be made: then all is compiled anew."""
    if cache is not None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
    return cache


def _run_error(error: Exception, shape: tuple[int, ...], device: Device) -> Exception:
    if short_of_memory(error):
        return MemoryError(f"a tile of {shape} did not fit on {device.name}")
    return BadModel(
        f"The network failed on a tile of shape {tuple(shape)} on {device.name}.",
        expected="A network that accepts every size that its card calls legal.",
        hint="Check the card's minimum, align and halo against the network.",
    )
