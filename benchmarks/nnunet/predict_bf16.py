"""Lets nnU-Net predict the cases again in bf16, by torch's autocast.

    PYTHON benchmarks/nnunet/predict_bf16.py CASES [--only NAME ...]

CASES is the folder that `benchmarks/nnunet/train.py` filled; it gets `predicted-bf16`. nnU-Net
itself computes in fp32 on a processor. How far its masks in bf16 are from those in fp32 is what
bf16 costs at home, and what Tessera's masks in bf16 can be measured by.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import torch  # noqa: E402
from cases import CASES, folder  # noqa: E402

for kind in ("raw", "preprocessed", "results"):  # nnU-Net reads them when it is imported
    os.environ.setdefault(f"nnUNet_{kind}", "")

from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: E402


class InBf16(torch.nn.Module):
    """A network whose layers compute in bf16 where torch's autocast has them do so."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def load_state_dict(self, weights: Any, **options: Any) -> Any:
        """Those of the network itself."""
        return self.network.load_state_dict(weights, **options)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits in float32."""
        with torch.autocast("cpu", torch.bfloat16):
            logits: torch.Tensor = self.network(image)
        return logits.float()


def main() -> None:
    """Predicts what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only", nargs="+", default=list(CASES))
    options = parser.parse_args()
    root = options.cases.resolve()
    for name in options.only:
        if not (root / "predicted-bf16" / name).exists() and (root / "predicted" / name).exists():
            print(name, "...", flush=True)
            predict(root, name)


def predict(root: Path, name: str) -> None:
    """All cases of one network; the second network of a cascade gets the first one's own masks."""
    case, previous = CASES[name], None
    for configuration in case.configurations:
        (model,) = folder(root, name, "results").glob(f"*__{configuration}")
        last = configuration == case.configurations[-1]
        out = root / "predicted-bf16" / (name if last else f"{name}-{configuration}")
        predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
        predictor.initialize_from_trained_model_folder(str(model), use_folds=case.folds)
        predictor.network = InBf16(predictor.network)
        predictor.predict_from_files(
            str(folder(root, name, "raw") / "imagesTs"), str(out),
            num_processes_preprocessing=1, num_processes_segmentation_export=1,
            folder_with_segs_from_prev_stage=previous,
        )  # fmt: skip
        previous = str(out)


if __name__ == "__main__":
    main()
