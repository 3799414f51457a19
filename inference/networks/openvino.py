"""Networks on OpenVINO, through its own API.

ONNX Runtime's plug-in for OpenVINO supports Intel processors only; OpenVINO itself runs on others
too, and is several times faster there than ONNX Runtime's own provider (docs/decisions/0010).
"""

import threading
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inference.cancellation import CancelToken
from inference.networks.graph_cut import cut_network, halo_of
from inference.networks.last_layer import split_last_layer, with_fp32_logits
from inference.networks.phases import in_phases
from inference.networks.precise_norm import with_precise_norm
from inference.runtime import LoadOptions

_HINTS = {"bf16": "bf16", "fp32": "f32"}


@cache
def _core() -> Any:
    """None where OpenVINO is not installed or does not load."""
    try:
        import openvino
    except (ImportError, OSError):
        return None
    return openvino.Core()


@cache
def capabilities() -> tuple[str, ...]:
    """What the processor computes in: FP32, BF16 where supported; () without OpenVINO."""
    core = _core()
    if core is None or "CPU" not in core.available_devices:
        return ()
    return tuple(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def version() -> str:
    """OpenVINO's release."""
    import openvino

    return str(openvino.__version__)


def processor() -> str:
    """The processor's name and what it computes in."""
    return f"{_core().get_property('CPU', 'FULL_DEVICE_NAME')} {' '.join(capabilities())}"


class OpenVinoNetwork:
    """A compiled network; one tile at a time."""

    def __init__(self, network: Path, options: LoadOptions) -> None:
        """Raises RuntimeError where OpenVINO does not load the network."""
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[options.precision],
            "INFERENCE_NUM_THREADS": options.threads,
            "ENABLE_CPU_PINNING": False,  # several workers would share the pinned cores
        }
        if options.cache is not None:
            config["CACHE_DIR"] = str(options.cache / "openvino")
        read = _core().read_model(network)
        self.inputs, self.outputs = _shape(read.inputs[0]), _shape(read.outputs[0])
        body, last = split_last_layer(read)
        if options.precision != "fp32":
            with_fp32_logits(last or body)
        self._last = last and _Compiled(last, config)
        self.level = OpenVinoLevel(body, config)
        self.level.compiled  # noqa: B018 - compiled here, so that loading reports its errors

    def run(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """Features: logits, or the input of a last layer of many outputs.

        Raises RuntimeError where the network fails; JobLost or RuntimeError where the token was
        cancelled.
        """
        return self.level.run(image, token)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of any region of the features that `run` returned."""
        return features if self._last is None else self._last.run([features], CancelToken())

    def release_memory(self) -> None:
        """Releases what was kept for the next tile, and the last output."""
        self.level.release_memory()
        if self._last is not None:
            self._last.release_memory()


class OpenVinoLevel:
    """A network at one resolution, as a whole and in parts; each is compiled on first use."""

    def __init__(self, network: Any, config: dict[str, Any]) -> None:
        self._network, self._config = network, config
        self._lock = threading.RLock()
        self._compiled: _Compiled | None = None
        self._cached_parts: _Parts | Literal[False] | None = None
        """None: not cut yet; False: the network cannot be cut."""

    @property
    def out_channels(self) -> int:
        """Channels of its output."""
        return _channels(self._network)

    def run(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """The output of the whole level."""
        return self.compiled.run([image], token)

    @cached_property
    def halo(self) -> int | None:
        """Voxels that `run` reads beyond its output on each side; None with a level below, or
        where it is unknown."""
        return halo_of(self._network)

    @property
    def below(self) -> "OpenVinoLevel | None":
        """The part at half the resolution; None where the network cannot be cut."""
        return self._parts.below if self._parts else None

    @property
    def halo_down(self) -> int:
        """Voxels that `down` reads beyond those that it pools, on each side."""
        return self._parts.halo_down if self._parts else 0

    @property
    def halo_up(self) -> int:
        """Voxels that `up` reads beyond its output, on each side."""
        return self._parts.halo_up if self._parts else 0

    @property
    def entry_channels(self) -> int:
        """Channels of the output of `down`."""
        return self._parts.entry_channels if self._parts else 0

    def down(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """The input of the level below."""
        return self._required_parts.down.run([image], token)

    def up(
        self, image: NDArray[np.float32], below: NDArray[np.float32], token: CancelToken
    ) -> NDArray[np.float32]:
        """The output of `run`, from the same image and the output of the level below."""
        return self._required_parts.up.run([image, below], token)

    def release_memory(self) -> None:
        """Releases the working memory of the whole and of all parts."""
        if self._compiled is not None:
            self._compiled.release_memory()
        if self._cached_parts:
            self._cached_parts.down.release_memory()
            self._cached_parts.up.release_memory()
            self._cached_parts.below.release_memory()

    @property
    def compiled(self) -> "_Compiled":
        """The whole level."""
        with self._lock:
            self._compiled = self._compiled or _Compiled(self._network, self._config)
            return self._compiled

    @property
    def _parts(self) -> "_Parts | None":
        with self._lock:
            if self._cached_parts is None:
                try:
                    self._cached_parts = self._cut() or False
                except RuntimeError:  # whole tiles work without parts
                    self._cached_parts = False
            return self._cached_parts or None

    def _cut(self) -> "_Parts | None":
        cut = cut_network(self._network)
        if cut is None:
            return None
        return _Parts(
            _Compiled(cut.down, self._config),
            OpenVinoLevel(cut.below, self._config),
            _Compiled(cut.up, self._config),
            cut.halo_down,
            cut.halo_up,
            _channels(cut.down),
        )

    @property
    def _required_parts(self) -> "_Parts":
        parts = self._parts
        if parts is None:
            raise RuntimeError("This network cannot be cut.")
        return parts


@dataclass(frozen=True, slots=True)
class _Parts:
    down: "_Compiled"
    below: OpenVinoLevel
    up: "_Compiled"
    halo_down: int
    halo_up: int
    entry_channels: int


class _Compiled:
    """Some layers, ready to run."""

    def __init__(self, layers: Any, config: dict[str, Any]) -> None:
        in_bf16 = config["INFERENCE_PRECISION_HINT"] == _HINTS["bf16"]
        layers = in_phases(layers) if in_bf16 else with_precise_norm(layers)
        self._network = _core().compile_model(layers, "CPU", config)
        self._request = self._network.create_infer_request()
        self._busy = threading.Lock()

    def run(self, inputs: list[NDArray[np.float32]], token: CancelToken) -> NDArray[np.float32]:
        from openvino import Tensor

        # A tensor does not keep its array alive: these stay referenced until the run ends.
        arrays = [np.ascontiguousarray(value) for value in inputs]
        with self._busy:
            self._request.set_output_tensor(0, _empty(self._network.outputs[0]))
            token.on_cancel(self._request.cancel)
            try:
                token.check()  # an earlier cancellation found no request to cancel
                self._set_inputs([Tensor(array, shared_memory=True) for array in arrays])
                self._request.start_async()
                self._request.wait()
            finally:
                token.on_cancel(None)
                # else the request holds the tile
                self._set_inputs([_empty(port) for port in self._network.inputs])
            return np.asarray(self._request.get_output_tensor(0).data, np.float32)

    def release_memory(self) -> None:
        with self._busy:
            # the old request holds its last output
            self._request = self._network.create_infer_request()
            self._network.release_memory()

    def _set_inputs(self, tensors: list[Any]) -> None:
        for port, tensor in enumerate(tensors):
            self._request.set_input_tensor(port, tensor)


def _channels(network: Any) -> int:
    return int(network.outputs[0].get_partial_shape()[1].get_length())


def _empty(port: Any) -> Any:
    """An empty tensor: OpenVINO resizes it to what is needed, and copies nothing."""
    from openvino import Shape, Tensor

    return Tensor(port.element_type, Shape([0 if n is None else n for n in _shape(port)]))


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(None if d.is_dynamic else d.get_length() for d in port.get_partial_shape())
