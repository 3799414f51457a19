"""A session of ONNX Runtime's whose input and output stay on its device between tiles."""

from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.gpu import INDEX

_SHRINK = "memory.enable_memory_arena_shrinkage"
_POOLS = {"cuda": f"cpu:0;gpu:{INDEX}", "cpu": "cpu:0"}
"""What gives back all that is free at the end of a run that asks for it."""


class Bound:
    """Tiles of one shape after another use the same buffers; another shape gets new ones.

    The logits of each are a copy of its own.
    """

    def __init__(self, session: ort.InferenceSession, memory: str = "cuda") -> None:
        """`memory`: cuda, also for TensorRT; cpu does the same without a GPU."""
        self._session, self._memory = session, memory
        self._kept: tuple[tuple[int, ...], Any, Any] | None = None
        self._smallest: tuple[int, ...] | None = None

    def run(self, image: NDArray[np.float32], options: ort.RunOptions) -> NDArray[np.float32]:
        """Logits; raises one of ONNX Runtime's errors, and then keeps no buffer."""
        kept, self._kept = self._kept, None  # a run that fails leaves nothing behind
        if kept is None or kept[0] != image.shape:
            kept = None  # the old buffers go before new ones come
            kept = image.shape, *self._buffers(image.shape)
        _, binding, tile = kept
        tile.update_inplace(image)
        binding.synchronize_inputs()  # the network runs in a stream of its own
        self._session.run_with_iobinding(binding, options)
        binding.synchronize_outputs()
        (logits,) = binding.copy_outputs_to_cpu()
        self._kept = kept
        if self._smallest is None or prod(image.shape) < prod(self._smallest):
            self._smallest = image.shape
        return np.asarray(logits, np.float32)

    def rest(self) -> None:
        """Gives buffers back, and what the pool holds: that happens at the end of a run, so the
        smallest tile that ever came runs again, empty."""
        self._kept = None
        if self._smallest is not None:
            options = ort.RunOptions()
            options.add_run_config_entry(_SHRINK, _POOLS[self._memory])
            with suppress(Exception):  # then the pool stays as it is
                self.run(np.zeros(self._smallest, np.float32), options)
            self._kept = None

    def _buffers(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """A binding, whose output the first run makes and later ones write anew, and its input."""
        binding = self._session.io_binding()
        tile = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, self._memory, INDEX)
        binding.bind_ortvalue_input(self._session.get_inputs()[0].name, tile)
        binding.bind_output(self._session.get_outputs()[0].name, self._memory, INDEX)
        return binding, tile
