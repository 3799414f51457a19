"""Times one contender on a GPU, from an array to a mask, in a process of its own.

    python -P benchmarks/gpu/contenders.py NAME FOLDER RUNS HARDWARE

FOLDER is what `prepare` of benchmarks/peers/network.py wrote; HARDWARE is `cuda`, or `cpu` to try
the script. The first contender's mask stays in FOLDER, and the others are compared with it. Prints
a JSON object: seconds of the first run, which compiles, and of the others; memory of the GPU with
what the libraries need; voxels that differ.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path.append(str(BENCHMARKS / "peers"))
sys.path.append(str(BENCHMARKS))  # last: its jobs.py must not hide the package `jobs`

from contender import Maker, TorchCase, facts, nnunet, tessera  # noqa: E402
from record import versions  # noqa: E402

WINDOW, THREADS = 64, 8
Load = Callable[[Path, str], Maker]
"""(folder, hardware) -> what computes the mask."""


def one_pass(kind: str, folder: Path, hardware: str, *, channels_last: bool = False) -> Maker:
    """torch, the whole volume at once; with autocast unless `kind` is float32."""
    import torch

    case = TorchCase.load(folder, THREADS, hardware)
    dtype = getattr(torch, kind)
    order = {2: torch.channels_last, 3: torch.channels_last_3d}[case.volume.ndim]
    layout = {"memory_format": order} if channels_last else {}
    network = case.network.to(**layout)

    def mask() -> NDArray[Any]:
        image = torch.from_numpy(case.normal())[None, None].to(hardware, **layout)
        autocast = torch.autocast(hardware, dtype, enabled=dtype is not torch.float32)
        with torch.inference_mode(), autocast:
            logits = network(image)
        return logits[0].argmax(0).to(torch.uint8).cpu().numpy()

    return mask


def predictor(mirror: bool, folder: Path, hardware: str) -> Maker:
    """nnU-Net's own predictor."""
    return nnunet(mirror, folder, WINDOW, THREADS, hardware)


def engine(device: str, precision: str, folder: Path, hardware: str) -> Maker:
    """Tessera, as in a worker; `cuda` and `tensorrt` are replaced where there is no GPU."""
    device = device if hardware == "cuda" else {"cuda": "cpu", "tensorrt": "openvino"}[device]
    return tessera(device, precision, folder, WINDOW, THREADS)


CONTENDERS: dict[str, Load] = {
    "torch, fp32": partial(one_pass, "float32"),
    "Tessera, CUDA, fp32": partial(engine, "cuda", "fp32"),
    "Tessera, CUDA, fp16": partial(engine, "cuda", "unchecked"),
    "torch, autocast fp16": partial(one_pass, "float16"),
    "torch, autocast bf16": partial(one_pass, "bfloat16"),
    "torch, autocast bf16, channels last": partial(one_pass, "bfloat16", channels_last=True),
    "nnU-Net, step 0.5": partial(predictor, False),
    "Tessera, TensorRT, fp32": partial(engine, "tensorrt", "fp32"),
    "Tessera, TensorRT, fp16": partial(engine, "tensorrt", "unchecked"),
    "nnU-Net, step 0.5, mirroring": partial(predictor, True),
}
REFERENCE = next(iter(CONTENDERS))
"""In fp32 without TF32 and without windows."""


def main() -> None:
    """One run that compiles, then RUNS that are measured."""
    from inference.gpu import free_bytes

    name, folder, runs, hardware = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if hardware == "cuda" and not name.startswith("Tessera"):
        import torch

        torch.backends.cudnn.allow_tf32 = False
    free = free_bytes() or 0
    mask, seconds = CONTENDERS[name](folder, hardware), list[float]()
    for _ in range(1 + runs):
        began = time.perf_counter()
        result = mask()
        seconds.append(round(time.perf_counter() - began, 4))
    reference = folder / "reference.npy"
    if name == REFERENCE:
        np.save(reference, result)
    differ = int((result != np.load(reference)).sum()) if reference.exists() else None
    facts.pop("network", None)
    figures = {
        "first_s": seconds[0],
        "seconds": seconds[1:],
        "gpu_mb": round((free - (free_bytes() or 0)) / 1e6),  # libraries keep what a run needed
        "differ": differ,
        "voxels": result.size,
        "versions": versions(),
    }
    print(json.dumps(figures | facts))


if __name__ == "__main__":
    main()
