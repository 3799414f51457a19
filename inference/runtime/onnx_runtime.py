"""Networks on ONNX Runtime's own providers: the processor's default one, CUDA, TensorRT."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.brake import Brake
from inference.gpu import INDEX
from inference.runtime.bound import Bound
from inference.runtime.device import Device


class OnnxRuntime:
    """A loaded network; one tile at a time."""

    def __init__(
        self, network: Path, device: Device, threads: int, cache: Path | None = None
    ) -> None:
        """Raises one of ONNX Runtime's own errors where it does not take the network."""
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        # A freed tile's memory goes back at once: workers live long and tiles differ in size.
        options.enable_cpu_mem_arena = device.name != "cpu"
        file = halved(network) if device.name == "cuda" and device.precision == "fp16" else network
        self._session = _opened(file, options, _providers(device, cache))
        (self._input, *_), (self._output, *_) = (
            self._session.get_inputs(),
            self._session.get_outputs(),
        )
        self.inputs, self.outputs = _shape(self._input), _shape(self._output)
        self._bound = Bound(self._session) if device.on_gpu else None

    def run(self, image: NDArray[np.float32], brake: Brake) -> NDArray[np.float32]:
        """Logits; raises one of ONNX Runtime's errors where the network fails or was stopped."""
        options = ort.RunOptions()
        brake.on_pull(lambda: setattr(options, "terminate", True))
        try:
            if self._bound is not None:
                return self._bound.run(image, options)
            (logits,) = self._session.run([self._output.name], {self._input.name: image}, options)
        finally:
            brake.on_pull(None)
        return np.asarray(logits, np.float32)

    @property
    def level(self) -> None:
        """It is run whole."""

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """What `run` gives is the logits already."""
        return found

    def rest(self) -> None:
        """Gives a GPU's memory back; on the processor nothing is kept between tiles."""
        if self._bound is not None:
            self._bound.rest()


def _opened(network: Path | bytes, options: ort.SessionOptions, providers: list[Any]) -> Any:
    """A session on the first of the providers; raises RuntimeError where that is not to be had.

    Left to itself, ONNX Runtime takes the next one and tells nobody but the console.
    """
    first = providers[0] if isinstance(providers[0], str) else providers[0][0]
    session = ort.InferenceSession(network, options, providers=providers, enable_fallback=0)
    if first not in session.get_providers():
        raise RuntimeError(f"{first} does not start here.")
    return session


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(n if isinstance(n, int) else None for n in port.shape)


def halved(network: Path) -> bytes:
    """The network with weights and layers in fp16, which still takes and gives fp32.

    TensorRT does that itself, CUDA's provider computes in what the file says.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(network), keep_io_types=True)
    return bytes(model.SerializeToString())


def _providers(device: Device, cache: Path | None) -> list[Any]:
    gpu = {"device_id": str(INDEX)}
    # The pool grows by what is asked for, not to the next power of two: the budget counts on it.
    pool = {"arena_extend_strategy": "kSameAsRequested", "use_tf32": "0"}
    cuda = ("CUDAExecutionProvider", gpu | pool)
    engines = gpu | {"trt_fp16_enable": str(int(device.precision == "fp16"))}
    if cache is not None:
        folder = cache / "tensorrt"
        folder.mkdir(parents=True, exist_ok=True)
        engines |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}
    known: dict[str, list[Any]] = {
        "cpu": ["CPUExecutionProvider"],
        "cuda": [cuda, "CPUExecutionProvider"],
        "tensorrt": [("TensorrtExecutionProvider", engines), cuda, "CPUExecutionProvider"],
    }
    return known[device.name]
