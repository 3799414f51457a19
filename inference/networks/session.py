"""A network on a device: one interface and one set of errors for all runtimes."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadModel
from inference.cancellation import CancelToken
from inference.device import Device, cores
from inference.networks.network import Level, Network
from inference.networks.out_of_memory import is_out_of_memory
from inference.networks.runtime_words import runtime_words
from inference.runtime import LoadOptions, RuntimeNotStarted

Part = Callable[[CancelToken], NDArray[np.float32]]
"""Runs a part of a network on one tile."""


class Runner(Protocol):
    """What a pipeline needs of a session: `logits(run(image))`.

    With many classes the logits are far larger than the features that they are computed from: then
    `run` stops before the last layer, and `logits` is called for one region of a tile at a time.
    """

    def run(
        self, image: NDArray[np.float32], token: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Features of a batch of tiles; see `Session.run`."""
        ...

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of any region of the features; see `Session.logits`."""
        ...

    @property
    def batch(self) -> int | None:
        """The only number of images that `run` accepts; None: any."""
        ...

    @property
    def level(self) -> Level | None:
        """The network cut at its poolings, where the runtime can cut it."""
        ...

    def run_part(
        self, part: Part, shape: tuple[int, ...], token: CancelToken
    ) -> NDArray[np.float32]:
        """Runs a part of the network; see `Session.run_part`."""
        ...

    def release_memory(self) -> None:
        """Releases working memory; the next run allocates it again."""
        ...


class Session:
    """Takes (n, c, *spatial) float32; `logits(run(image))` are (n, outputs, *spatial)."""

    def __init__(
        self, network: Path, device: Device, threads: int = 0, cache: Path | None = None
    ) -> None:
        """`threads` 0: all cores; `cache`: a folder for compiled networks.

        Raises BadModel where the runtime does not start or does not load the network, MemoryError
        where it does not fit.
        """
        self.device = device
        self._busy = threading.Lock()
        options = LoadOptions(device.precision, threads or cores(), _usable(cache))
        try:
            self._network: Network = device.runtime.load(network, options)
        except Exception as error:
            raise _load_error(error, device, network) from error

    @property
    def components(self) -> int | None:
        """Input channels; None where the network accepts any number."""
        return self._network.inputs[1]

    @property
    def outputs(self) -> int | None:
        """Output channels; None where the network does not state them."""
        return self._network.outputs[1]

    @property
    def batch(self) -> int | None:
        """The only number of images that the network accepts; None: any."""
        return self._network.inputs[0]

    @property
    def dimension(self) -> int:
        """Spatial axes of the input."""
        return len(self._network.inputs) - 2

    def run(
        self, image: NDArray[np.float32], token: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Features of a batch of tiles; `logits` turns them into logits.

        Raises JobLost when the token is cancelled meanwhile, BadModel where the network fails and
        MemoryError where the tile does not fit.
        """
        tile = np.ascontiguousarray(image, np.float32)

        def whole(token: CancelToken) -> NDArray[np.float32]:
            return self._network.run(tile, token)

        return self.run_part(whole, tile.shape, token or CancelToken())

    @property
    def level(self) -> Level | None:
        """The network cut at its poolings; None where the runtime only runs it whole."""
        return self._network.level

    def run_part(
        self, part: Part, shape: tuple[int, ...], token: CancelToken
    ) -> NDArray[np.float32]:
        """Runs a part of the network on a tile of `shape`; raises what `run` raises."""
        token.check()
        try:
            with self._busy:
                return part(token)
        except Exception as error:
            token.check()
            raise _run_error(error, shape, self.device) from error

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of any region of the features that `run` returned, (n, features, *spatial)."""
        try:
            return self._network.logits(features)
        except Exception as error:
            raise _run_error(error, features.shape, self.device) from error

    def release_memory(self) -> None:
        """Releases working memory; the next run allocates it again."""
        with self._busy:
            self._network.release_memory()


def _usable(cache: Path | None) -> Path | None:
    """The cache folder, created; None where that fails: then every network is compiled anew."""
    if cache is not None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
    return cache


def _load_error(error: Exception, device: Device, network: Path) -> Exception:
    if is_out_of_memory(error):
        return MemoryError(f"The network does not fit on {device.name}.")
    if isinstance(error, RuntimeNotStarted):
        return BadModel(
            f"The runtime {device.name} does not start on this machine because its driver or its "
            "libraries are missing or too old.",
            expected="A driver and libraries in the versions that the runtime requires.",
            hint="Install them, or use another device.",
        )
    from inference.networks.opset import too_new

    if (opsets := too_new(network)) is not None:
        return BadModel(
            f"The network has opset {opsets[0]}, which {device.name} does not read.",
            expected=f"Opset {opsets[1]} or lower.",
            hint=f"Export it with opset_version={opsets[1]} or lower.",
        )
    return BadModel(
        f"The network cannot be loaded on {device.name}.",
        expected="A complete ONNX network with standard operators. The runtime reports: "
        f"{runtime_words(error)}.",
        hint="Export the network again, or use another device.",
    )


def _run_error(error: Exception, shape: tuple[int, ...], device: Device) -> Exception:
    if is_out_of_memory(error):
        return MemoryError(f"A tile of shape {shape} does not fit on {device.name}.")
    return BadModel(
        f"The network failed on a tile of shape {tuple(shape)} on {device.name}.",
        expected="A network that accepts every size that its card declares legal.",
        hint="Check the card's minimum, align and halo against the network.",
    )
