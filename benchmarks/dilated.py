"""A MeshNet in one pass: torch, and OpenVINO with dilated convolutions as they are and in phases.

    python -m benchmarks.dilated [--size 128] [--repeat 3] [--json FILE]

The network has brainchop's layers (21 channels, dilations 1 to 16 and back, 18 outputs) and random
weights. Each contender runs in a process of its own. Processor seconds are compared, which other
programs on the machine disturb less than the time that passes.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import save
from models.importers.meshnet.layers import Activation, Convolution, Layer
from models.importers.meshnet.onnx_export import write_onnx

DILATIONS = (1, 2, 4, 8, 16, 8, 4, 2, 1)
CHANNELS, OUTPUTS = 21, 18
Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one contender."""

    contender: str
    processor_s: float
    wall_s: float
    peak_gb: float
    """Memory of the process at its highest, of which about 0.3 are the libraries."""


def layers() -> tuple[Layer, ...]:
    """The network, with small random weights."""
    random, chain, channels = np.random.default_rng(0), list[Layer](), 1
    for dilation in DILATIONS:
        weight = random.standard_normal((CHANNELS, channels, 3, 3, 3), np.float32)
        weight *= np.float32((27 * channels) ** -0.5)
        chain += [Convolution(weight, np.zeros(CHANNELS, np.float32), (dilation,) * 3)]
        chain += [Activation("elu")]
        channels = CHANNELS
    last = random.standard_normal((OUTPUTS, channels, 1, 1, 1), np.float32)
    return (*chain, Convolution(last, np.zeros(OUTPUTS, np.float32), (1, 1, 1)))


def torch_logits(network: Iterable[Layer], image: Image) -> Image:
    """Logits (1, outputs, i, j, k) of an image (1, 1, i, j, k), in one pass."""
    import torch

    values = torch.from_numpy(image)
    with torch.inference_mode():
        for layer in network:
            if isinstance(layer, Convolution):
                values = torch.nn.functional.conv3d(
                    values,
                    torch.from_numpy(layer.weight),
                    torch.from_numpy(layer.bias),
                    padding=layer.radius,
                    dilation=layer.dilation,
                )
            elif layer == Activation("elu"):
                torch.nn.functional.elu_(values)
            else:
                raise TypeError(f"This benchmark does not run the layer {layer}.")
    return values.numpy()


def torch_pass(_network: Path) -> Callable[[Image], object]:
    network = layers()
    return lambda image: torch_logits(network, image)


def openvino_pass(precision: str, phases: bool) -> Callable[[Path], Callable[[Image], object]]:
    def load(network: Path) -> Callable[[Image], object]:
        import openvino

        from inference.networks.phases import in_phases

        core = openvino.Core()
        read = core.read_model(network)
        config = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(in_phases(read) if phases else read, "CPU", config)
        request = compiled.create_infer_request()
        return lambda image: request.infer([image])

    return load


CONTENDERS = {
    "torch fp32": torch_pass,
    "OpenVINO fp32": openvino_pass("f32", phases=False),
    "OpenVINO fp32, phases": openvino_pass("f32", phases=True),
    "OpenVINO bf16": openvino_pass("bf16", phases=False),
    "OpenVINO bf16, phases": openvino_pass("bf16", phases=True),
}


def measure(contender: str, size: int, repeat: int) -> Row:
    """Runs in a process of its own."""
    image = np.random.default_rng(1).random((1, 1, size, size, size), np.float32)
    with TemporaryDirectory() as folder:
        network = Path(folder) / "model.onnx"
        write_onnx(layers(), network)
        run = CONTENDERS[contender](network)
        run(image[..., :32, :32, :32])  # compiles, and starts threads
        processor, wall = [], []
        for _ in range(repeat):
            began = time.process_time(), time.perf_counter()
            run(image)
            processor.append(time.process_time() - began[0])
            wall.append(time.perf_counter() - began[1])
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Row(contender, statistics.median(processor), statistics.median(wall), peak_bytes / 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128, help="voxels per axis")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--contender", choices=CONTENDERS, help="only this one, in this process")
    arguments = parser.parse_args()
    if arguments.contender:
        print(json.dumps(asdict(measure(arguments.contender, arguments.size, arguments.repeat))))
        return
    rows = []
    for contender in CONTENDERS:
        own = ["--size", str(arguments.size), "--repeat", str(arguments.repeat)]
        command = [sys.executable, "-m", "benchmarks.dilated", "--contender", contender, *own]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = Row(**json.loads(done.stdout))
        rows.append(asdict(row))
        figures = f"{row.processor_s:7.2f} processor s {row.wall_s:7.2f} s {row.peak_gb:5.1f} GB"
        print(f"{row.contender:24}{figures}", flush=True)
    if arguments.json:
        save(arguments.json, rows, size=arguments.size, runs=arguments.repeat)


if __name__ == "__main__":
    main()
