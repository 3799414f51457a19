"""OpenVINO on the processor, through its own API (docs/decisions/0010)."""

from pathlib import Path

from inference.memory import PROCESSOR_MEMORY
from inference.networks import openvino
from inference.networks.network import Network
from inference.runtime import LoadOptions, Runtime


def _precisions() -> tuple[str, ...]:
    return ("bf16", "fp32") if "BF16" in openvino.capabilities() else ("fp32",)


def _load(network: Path, options: LoadOptions) -> Network:
    return openvino.OpenVinoNetwork(network, options)


RUNTIME = Runtime(
    name="openvino",
    title="OpenVINO on the processor",
    hardware="cpu",
    rank=10,
    auto=True,
    available=lambda: bool(openvino.capabilities()),
    precisions=_precisions,
    load=_load,
    version=openvino.version,
    hardware_name=openvino.processor,
    memory=PROCESSOR_MEMORY,
    keeps_memory=True,
    compiles=True,
    identified=True,
)
