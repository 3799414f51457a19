"""Networks on OpenVINO, through its own API.

ONNX Runtime's plug-in for it offers Intel processors only; OpenVINO itself runs on others as well,
and is some times quicker there than ONNX Runtime's own provider (docs/decisions/0010).
"""

import threading
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inference.brake import Brake
from inference.runtime.cut import cut, reach
from inference.runtime.last_layer import parted

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
    """What the processor counts in: FP32, BF16 where the hardware does; () without OpenVINO."""
    core = _core()
    if core is None or "CPU" not in core.available_devices:
        return ()
    return tuple(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def version() -> str:
    """OpenVINO's release."""
    import openvino

    return str(openvino.__version__)


def processor() -> str:
    """The processor's name and what it counts in."""
    return f"{_core().get_property('CPU', 'FULL_DEVICE_NAME')} {' '.join(capabilities())}"


class OpenVino:
    """A compiled network; one tile at a time."""

    def __init__(
        self, network: Path, precision: str, threads: int, cache: Path | None = None
    ) -> None:
        """Raises RuntimeError where OpenVINO does not take the network."""
        config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # workers beside each other would share pinned cores
        }
        if cache is not None:
            config["CACHE_DIR"] = str(cache / "openvino")
        read = _core().read_model(network)
        self.inputs, self.outputs = _shape(read.inputs[0]), _shape(read.outputs[0])
        body, last = parted(read)
        self._last = last and _Compiled(last, config)
        self.level = OpenVinoLevel(body, config)
        self.level.whole  # noqa: B018 - compiled now, so that what is wrong is told now

    def run(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]:
        """Logits, or what `logits` makes them of.

        Raises RuntimeError where the network fails, JobLost or that where the brake was pulled.
        """
        return self.level.run(image, brake)

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Those of any part of what `run` found."""
        return found if self._last is None else self._last.run([found], Brake())

    def rest(self) -> None:
        """Lets the memory go that was kept for the next tile, and the last logits."""
        self.level.rest()
        if self._last is not None:
            self._last.rest()


class OpenVinoLevel:
    """A network at one resolution, as a whole and in parts; each is compiled when it is needed."""

    def __init__(self, network: Any, config: dict[str, Any]) -> None:
        self._network, self._config = network, config
        self._lock = threading.RLock()
        self._whole: _Compiled | None = None
        self._found: _Parts | Literal[False] | None = None
        """False: there are none."""

    @property
    def made(self) -> int:
        """Channels of its output."""
        return int(self._network.outputs[0].get_partial_shape()[1].get_length())

    def run(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]:
        """All of it."""
        return self.whole.run([image], brake)

    @cached_property
    def reach(self) -> int | None:
        """Voxels that `run` reads to each side; None with a level below, or where nobody knows."""
        return reach(self._network)

    @property
    def below(self) -> "OpenVinoLevel | None":
        """What works at half the resolution; None where the network cannot be cut."""
        return self._parts.below if self._parts else None

    @property
    def reach_down(self) -> int:
        """Voxels that `down` reads beyond those that it pools, on each side."""
        return self._parts.reach_down if self._parts else 0

    @property
    def reach_up(self) -> int:
        """Voxels that `up` reads beyond its output, on each side."""
        return self._parts.reach_up if self._parts else 0

    @property
    def entered(self) -> int:
        """Channels of what goes into the level below."""
        return self._parts.entered if self._parts else 0

    def down(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]:
        """What goes into the level below."""
        return self._known.down.run([image], brake)

    def up(
        self, image: NDArray[np.float32], below: NDArray[np.float32], brake: Brake
    ) -> NDArray[np.float32]:
        """What `run` gives, from the same and from what the level below gave."""
        return self._known.up.run([image, below], brake)

    def rest(self) -> None:
        """As the network's."""
        if self._whole is not None:
            self._whole.rest()
        if self._found:
            self._found.down.rest()
            self._found.up.rest()
            self._found.below.rest()

    @property
    def whole(self) -> "_Compiled":
        with self._lock:
            self._whole = self._whole or _Compiled(self._network, self._config)
            return self._whole

    @property
    def _parts(self) -> "_Parts | None":
        with self._lock:
            if self._found is None:
                try:
                    self._found = self._made() or False
                except RuntimeError:  # then whole tiles must do
                    self._found = False
            return self._found or None

    def _made(self) -> "_Parts | None":
        found = cut(self._network)
        if found is None:
            return None
        return _Parts(
            _Compiled(found.down, self._config),
            OpenVinoLevel(found.below, self._config),
            _Compiled(found.up, self._config),
            found.reach_down,
            found.reach_up,
            int(found.down.outputs[0].get_partial_shape()[1].get_length()),
        )

    @property
    def _known(self) -> "_Parts":
        parts = self._parts
        if parts is None:
            raise RuntimeError("This network cannot be cut.")
        return parts


@dataclass(frozen=True, slots=True)
class _Parts:
    down: "_Compiled"
    below: OpenVinoLevel
    up: "_Compiled"
    reach_down: int
    reach_up: int
    entered: int


class _Compiled:
    """Some layers, ready to run."""

    def __init__(self, layers: Any, config: dict[str, Any]) -> None:
        self._network = _core().compile_model(layers, "CPU", config)
        self._request = self._network.create_infer_request()
        self._busy = threading.Lock()

    def run(self, inputs: list[NDArray[np.float32]], brake: Brake) -> NDArray[np.float32]:
        from openvino import Tensor

        arrays = [np.ascontiguousarray(value) for value in inputs]  # a tensor keeps none alive
        with self._busy:
            self._request.set_output_tensor(0, _empty(self._network.outputs[0]))
            brake.on_pull(self._request.cancel)
            try:
                brake.check()  # what was pulled before had nothing to cancel
                self._feed([Tensor(array, shared_memory=True) for array in arrays])
                self._request.start_async()
                self._request.wait()
            finally:
                brake.on_pull(None)
                self._feed([_empty(port) for port in self._network.inputs])  # else it holds them
            return np.asarray(self._request.get_output_tensor(0).data, np.float32)

    def rest(self) -> None:
        with self._busy:
            # the old one holds its last output
            self._request = self._network.create_infer_request()
            self._network.release_memory()

    def _feed(self, tensors: list[Any]) -> None:
        for port, tensor in enumerate(tensors):
            self._request.set_input_tensor(port, tensor)


def _empty(port: Any) -> Any:
    """A tensor for one value alone: it grows to what is needed, and nothing is copied."""
    from openvino import Shape, Tensor

    return Tensor(port.element_type, Shape([0 if n is None else n for n in _shape(port)]))


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(None if d.is_dynamic else d.get_length() for d in port.get_partial_shape())
