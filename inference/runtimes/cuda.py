"""ONNX Runtime on an NVIDIA GPU, with CUDA."""

import platform
from pathlib import Path
from typing import Any

from inference.gpu import GPU_MEMORY, INDEX, present
from inference.networks.network import Network
from inference.runtime import LoadOptions, Runtime
from inference.runtimes import cpu

_PROVIDER = "CUDAExecutionProvider"


def providers() -> list[Any]:
    """ONNX Runtime's providers: CUDA, and the processor for layers that CUDA lacks."""
    # The pool grows by what is requested, not to the next power of two: the budget counts on it.
    pool = {"arena_extend_strategy": "kSameAsRequested", "use_tf32": "0"}
    return [(_PROVIDER, {"device_id": str(INDEX)} | pool), "CPUExecutionProvider"]


def available(provider: str) -> bool:
    """Whether there is a GPU, and the installed ONNX Runtime has the provider for it."""
    if not present():  # asked first: loading ONNX Runtime takes longer
        return False
    import onnxruntime

    return provider in onnxruntime.get_available_providers()


def _load(network: Path, options: LoadOptions) -> Network:
    from inference.networks.onnx_runtime import OnnxRuntimeNetwork, converted_to_fp16

    file = converted_to_fp16(network) if options.precision == "fp16" else network
    return OnnxRuntimeNetwork(file, providers(), options.threads, on_gpu=True)


RUNTIME = Runtime(
    name="cuda",
    title="ONNX Runtime on an NVIDIA GPU",
    hardware="gpu",
    rank=20,
    auto=True,
    available=lambda: available(_PROVIDER),
    precisions=lambda: ("fp16", "fp32"),
    load=_load,
    version=cpu.RUNTIME.version,
    hardware_name=platform.machine,
    memory=GPU_MEMORY,
    keeps_memory=True,
    compiles=False,
    identified=False,  # the model of the GPU is not part of the hardware name
)
