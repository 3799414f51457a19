"""ONNX Runtime's own kernels for the processor: on every machine, for every network."""

import platform
from pathlib import Path

from inference.memory import PROCESSOR_MEMORY
from inference.networks.network import Network
from inference.runtime import LoadOptions, Runtime


def _load(network: Path, options: LoadOptions) -> Network:
    from inference.networks.onnx_runtime import OnnxRuntimeNetwork

    return OnnxRuntimeNetwork(network, ["CPUExecutionProvider"], options.threads)


def _version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


RUNTIME = Runtime(
    name="cpu",
    title="ONNX Runtime on the processor",
    hardware="cpu",
    rank=0,
    auto=True,
    available=lambda: True,
    precisions=lambda: ("fp32",),
    load=_load,
    version=_version,
    hardware_name=platform.machine,
    memory=PROCESSOR_MEMORY,
    keeps_memory=False,
    compiles=False,
    identified=True,
)
