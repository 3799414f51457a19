"""Networks on ONNX Runtime's execution providers: the processor's, CUDA, TensorRT."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.cancellation import CancelToken
from inference.networks.io_binding import BoundSession
from inference.runtime import RuntimeNotStarted


class OnnxRuntimeNetwork:
    """A loaded network; one tile at a time."""

    def __init__(
        self,
        network: Path | bytes,
        providers: Sequence[Any],
        threads: int,
        *,
        on_gpu: bool = False,
    ) -> None:
        """`providers`: as ONNX Runtime takes them, the preferred one first. `on_gpu`: input and
        output of the network stay in the GPU's memory between tiles.

        Raises RuntimeNotStarted where the preferred provider does not start, and one of ONNX
        Runtime's own errors where it does not load the network.
        """
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        # Without an arena a tile's memory is freed at once: workers live long, and tiles differ.
        options.enable_cpu_mem_arena = on_gpu
        self._session = _opened(network, options, providers)
        (self._input, *_) = self._session.get_inputs()
        (self._output, *_) = self._session.get_outputs()
        self.inputs, self.outputs = _shape(self._input), _shape(self._output)
        self._bound = BoundSession(self._session) if on_gpu else None

    def run(self, image: NDArray[np.float32], token: CancelToken) -> NDArray[np.float32]:
        """Logits; raises one of ONNX Runtime's errors where the network fails or was cancelled."""
        options = ort.RunOptions()
        token.on_cancel(lambda: setattr(options, "terminate", True))
        try:
            if self._bound is not None:
                return self._bound.run(image, options)
            (logits,) = self._session.run([self._output.name], {self._input.name: image}, options)
        finally:
            token.on_cancel(None)
        return np.asarray(logits, np.float32)

    @property
    def level(self) -> None:
        """ONNX Runtime runs a network whole."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The features themselves: `run` returns logits."""
        return features

    def release_memory(self) -> None:
        """Releases the GPU's memory; on the processor nothing is kept between tiles."""
        if self._bound is not None:
            self._bound.release_memory()


def _opened(network: Path | bytes, options: ort.SessionOptions, providers: Sequence[Any]) -> Any:
    """A session on the first provider; raises RuntimeNotStarted where that provider does not start.

    By default ONNX Runtime falls back to the next provider, and reports it on the console only.
    """
    first = providers[0] if isinstance(providers[0], str) else providers[0][0]
    try:
        session = ort.InferenceSession(network, options, providers=providers, enable_fallback=0)
    except (RuntimeError, ValueError) as error:  # of providers; of networks there are others
        raise RuntimeNotStarted(f"{first} does not start on this machine: {error}") from error
    if first not in session.get_providers():
        raise RuntimeNotStarted(f"{first} does not start on this machine.")
    return session


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(n if isinstance(n, int) else None for n in port.shape)


def converted_to_fp16(network: Path) -> bytes:
    """The network with weights and layers in fp16, and input and output in fp32.

    For CUDA, whose provider computes in the precision of the file. TensorRT converts by itself.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(network), keep_io_types=True)
    return bytes(model.SerializeToString())
