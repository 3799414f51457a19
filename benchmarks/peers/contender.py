"""Times one contender in a process of its own, from an array to a mask.

    python -P contender.py NAME FOLDER WINDOW THREADS RUNS

Prints a JSON object and writes the mask to FOLDER. Runs in Tessera's environment; nnU-Net runs in
an environment of its own, with Tessera's folder on PYTHONPATH (only for the network's class).
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1]))  # last: see __main__.py

from record import versions

Volume = NDArray[np.float32]
Maker = Callable[[], NDArray[Any]]
SLOW_S = 60.0
"""A run that takes longer than this number of seconds is not repeated."""


@dataclass(frozen=True)
class TorchCase:
    """The case as torch runs it."""

    network: Any
    """The trained network as a torch module."""
    volume: Volume
    shift: float
    scale: float

    @classmethod
    def load(cls, folder: Path, threads: int, hardware: str = "cpu") -> "TorchCase":
        """Reads what `network.prepare` wrote; `hardware` is a device of torch."""
        import torch

        from models.nets.config import UNetConfig
        from models.nets.unet import UNet

        torch.set_num_threads(threads)
        state = torch.load(folder / "network.pt", weights_only=True)
        network = UNet(UNetConfig.of(state["unet"]))
        network.load_state_dict(state["weights"])
        volume = np.load(folder / "volume.npy")
        return cls(network.eval().to(hardware), volume, state["shift"], state["scale"])

    def normal(self) -> Volume:
        """The volume as the network expects it. Only Tessera measures the two figures itself."""
        return (self.volume - np.float32(self.shift)) * np.float32(1 / self.scale)


def monai(overlap: float, kind: str, folder: Path, window: int, threads: int) -> Maker:
    """MONAI's sliding window with torch, with torch in bf16, or with ONNX Runtime."""
    import torch
    from monai.inferers.utils import sliding_window_inference

    case = TorchCase.load(folder, threads)
    network = _onnx(folder, threads) if kind == "onnx" else case.network
    size = (window,) * case.volume.ndim

    def mask() -> NDArray[Any]:
        image = torch.from_numpy(case.normal())[None, None]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            logits = sliding_window_inference(image, size, 1, network, overlap)
        return logits[0].argmax(0).to(torch.uint8).numpy()

    return mask


def _onnx(folder: Path, threads: int) -> Callable[[Any], Any]:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    (path,) = (folder / "models").glob("*/model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda image: torch.from_numpy(session.run(None, {"image": image.numpy()})[0])


def nnunet(mirror: bool, folder: Path, window: int, threads: int, hardware: str = "cpu") -> Maker:
    """nnU-Net's own predictor: steps of half a window, Gaussian weights."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    case = TorchCase.load(folder, threads, hardware)
    shape = case.volume.shape
    predictor = nnUNetPredictor(
        use_mirroring=mirror, device=torch.device(hardware), allow_tqdm=False, verbose=False
    )
    predictor.network = case.network
    predictor.configuration_manager = SimpleNamespace(patch_size=(window,) * len(shape))
    heads = case.network.config.out_channels
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=heads)
    predictor.allowed_mirroring_axes = tuple(range(len(shape)))

    def mask() -> NDArray[Any]:
        image = torch.from_numpy(case.normal()).reshape(1, *(1,) * (3 - len(shape)), *shape)
        with torch.inference_mode():
            logits = predictor.predict_sliding_window_return_logits(image)
        return logits.argmax(0).to(torch.uint8).cpu().numpy().reshape(shape)

    return mask


def tessera(device: str, precision: str, folder: Path, _window: int, threads: int) -> Maker:
    """Tessera's engine as in a worker, with the tiles that it plans."""
    from imaging.scan import in_memory
    from inference.engine import Engine
    from inference.options import RunOptions
    from models.registry import Registry

    volume, registry = np.load(folder / "volume.npy"), Registry(zoo=folder / "models")
    (name,) = (path.name for path in (folder / "models").iterdir())
    engine, model = Engine(registry, device, threads=threads), registry.get(name)
    scan = in_memory(volume[None], model.card.spacing_mm)  # its own spacing: nothing is resampled
    options, channel = RunOptions(precision=precision), model.card.channels[0].name

    def mask() -> NDArray[Any]:
        result = engine.run({channel: scan}, model, options)
        record = result.record
        facts.update(device=record.device, precision=record.precision, tiles=record.tiles)
        facts.setdefault("network", []).append(record.seconds["network"])
        return result.mask

    return mask


facts: dict[str, Any] = {}
"""What a contender adds to its result: device, precision, tiles, seconds of the network."""
CONTENDERS: dict[str, tuple[Callable[..., Maker], tuple[Any, ...]]] = {
    "nnU-Net, step 0.5, mirroring (default)": (nnunet, (True,)),
    "nnU-Net, step 0.5": (nnunet, (False,)),
    "MONAI, overlap 0.5": (monai, (0.5, "fp32")),
    "MONAI, overlap 0.25 (default)": (monai, (0.25, "fp32")),
    "MONAI, overlap 0.25, bf16 autocast": (monai, (0.25, "bf16")),
    "ONNX Runtime in MONAI's windows, overlap 0.25": (monai, (0.25, "onnx")),
    "Tessera, ONNX Runtime's provider": (tessera, ("cpu", "fp32")),
    "Tessera, fp32": (tessera, ("auto", "fp32")),
    "Tessera": (tessera, ("auto", "auto")),
}


def main() -> None:
    """Runs once to warm up, then measures the runs."""
    name, folder, window, threads, runs = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:6])
    make, arguments = CONTENDERS[name]
    mask = make(*arguments, folder, window, threads)
    began = time.perf_counter()
    result = mask()
    first = time.perf_counter() - began
    seconds = [first] if first > SLOW_S else []
    if not seconds:
        facts.pop("network", None)
    while len(seconds) < runs and first <= SLOW_S:
        began = time.perf_counter()
        result = mask()
        seconds.append(time.perf_counter() - began)
    np.save(folder / f"mask-{list(CONTENDERS).index(name)}.npy", result)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "versions": versions(), **facts}))


if __name__ == "__main__":
    main()
