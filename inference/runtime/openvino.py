"""Networks on OpenVINO, through its own API.

ONNX Runtime's plug-in for it offers Intel processors only; OpenVINO itself runs on others as well,
and is some times quicker there than ONNX Runtime's own provider (docs/decisions/0010).
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.brake import Brake
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
        self.outputs = _shape(read.outputs[0])
        body, last = parted(read)
        self._network = _core().compile_model(body, "CPU", config)
        self._request = self._network.create_infer_request()
        self.inputs = _shape(self._network.inputs[0])
        compiled = last and _core().compile_model(last, "CPU", config)
        self._last = compiled and compiled.create_infer_request()

    def run(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]:
        """Logits, or what `logits` makes them of.

        Raises RuntimeError where the network fails, JobLost or that where the brake was pulled.
        """
        self._request.set_output_tensor(0, self._empty())
        brake.on_pull(self._request.cancel)
        try:
            brake.check()  # what was pulled before had nothing to cancel
            self._request.start_async({0: image}, share_inputs=True)
            self._request.wait()
        finally:
            brake.on_pull(None)
        return np.asarray(self._request.get_output_tensor(0).data, np.float32)

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Those of any part of what `run` found."""
        if self._last is None:
            return found
        self._last.infer({0: np.ascontiguousarray(found)}, share_inputs=True)
        return np.array(self._last.get_output_tensor(0).data, np.float32)

    def rest(self) -> None:
        """Lets the memory go that was kept for the next tile, and the last logits."""
        self._request.set_output_tensor(0, self._empty())
        self._network.release_memory()

    def _empty(self) -> Any:
        """A tensor for the next result alone: it grows to what is needed, and nothing is copied."""
        from openvino import Shape, Tensor

        port = self._network.outputs[0]
        sizes = [0 if n is None else n for n in _shape(port)]
        return Tensor(port.element_type, Shape(sizes))


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(None if d.is_dynamic else d.get_length() for d in port.get_partial_shape())
