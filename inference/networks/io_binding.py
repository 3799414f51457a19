"""An ONNX Runtime session whose input and output stay in the device's memory between tiles."""

from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.gpu import INDEX

_SHRINK = "memory.enable_memory_arena_shrinkage"
_POOLS = {"cuda": f"cpu:0;gpu:{INDEX}", "cpu": "cpu:0"}
"""Pools whose free memory is released at the end of a run with the option _SHRINK."""


class BoundSession:
    """Consecutive tiles of one shape use the same buffers; another shape gets new ones.

    The returned logits are a copy.
    """

    def __init__(self, session: ort.InferenceSession, memory: str = "cuda") -> None:
        """`memory`: cuda, also for TensorRT; cpu does the same without a GPU."""
        self._session, self._memory = session, memory
        self._buffers: tuple[tuple[int, ...], Any, Any] | None = None
        self._smallest: tuple[int, ...] | None = None

    def run(self, image: NDArray[np.float32], options: ort.RunOptions) -> NDArray[np.float32]:
        """Logits. Raises one of ONNX Runtime's errors, and then keeps no buffer."""
        buffers, self._buffers = self._buffers, None  # a run that fails leaves nothing behind
        if buffers is None or buffers[0] != image.shape:
            buffers = None  # free the old buffers before new ones are allocated
            buffers = image.shape, *self._allocated(image.shape)
        _, binding, tile = buffers
        tile.update_inplace(image)
        binding.synchronize_inputs()  # the network runs in a stream of its own
        self._session.run_with_iobinding(binding, options)
        binding.synchronize_outputs()
        (logits,) = binding.copy_outputs_to_cpu()
        self._buffers = buffers
        if self._smallest is None or prod(image.shape) < prod(self._smallest):
            self._smallest = image.shape
        return np.asarray(logits, np.float32)

    def release_memory(self) -> None:
        """Releases the buffers and the pool's free memory.

        A pool shrinks only at the end of a run, so the smallest tile so far runs again, empty.
        """
        self._buffers = None
        if self._smallest is not None:
            options = ort.RunOptions()
            options.add_run_config_entry(_SHRINK, _POOLS[self._memory])
            with suppress(Exception):  # the pool then keeps its memory
                self.run(np.zeros(self._smallest, np.float32), options)
            self._buffers = None

    def _allocated(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """A binding and its input. The first run allocates the output; later runs overwrite it."""
        binding = self._session.io_binding()
        tile = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, self._memory, INDEX)
        binding.bind_ortvalue_input(self._session.get_inputs()[0].name, tile)
        binding.bind_output(self._session.get_outputs()[0].name, self._memory, INDEX)
        return binding, tile
