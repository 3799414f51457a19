"""TensorRT on an NVIDIA GPU, through ONNX Runtime."""

import platform
from pathlib import Path
from typing import Any

from inference.gpu import GPU_MEMORY, INDEX
from inference.networks.network import Network
from inference.runtime import LoadOptions, Runtime
from inference.runtimes import cuda

_PROVIDER = "TensorrtExecutionProvider"


def providers(options: LoadOptions) -> list[Any]:
    """ONNX Runtime's providers: TensorRT, and CUDA's for layers that TensorRT lacks."""
    engines = {"device_id": str(INDEX), "trt_fp16_enable": str(int(options.precision == "fp16"))}
    if options.cache is not None:
        folder = options.cache / "tensorrt"
        folder.mkdir(parents=True, exist_ok=True)
        engines |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}
    return [(_PROVIDER, engines), *cuda.providers()]


def _load(network: Path, options: LoadOptions) -> Network:
    from inference.networks.onnx_runtime import OnnxRuntimeNetwork

    return OnnxRuntimeNetwork(network, providers(options), options.threads, on_gpu=True)


RUNTIME = Runtime(
    name="tensorrt",
    title="TensorRT on an NVIDIA GPU",
    hardware="gpu",
    rank=30,
    auto=False,  # it compiles a network for minutes before the first tile
    available=lambda: cuda.available(_PROVIDER),
    precisions=lambda: ("fp16", "fp32"),
    load=_load,
    version=cuda.RUNTIME.version,
    hardware_name=platform.machine,
    memory=GPU_MEMORY,
    keeps_memory=True,
    compiles=True,
    identified=False,  # the model of the GPU is not part of the hardware name
)
