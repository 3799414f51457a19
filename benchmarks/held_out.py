"""Writes the validation cases of a training, for `tessera evaluate`.

    python -P benchmarks/held_out.py CONFIG DATA OUT [--drawings N]

CONFIG is the training's TOML file, DATA the folder of its images and labels. OUT gets cases.txt
with the names of the cases. If the training draws its images from label maps, OUT also gets
images/ and labels/: N new drawings of each map that was held out, none of which was drawn during
the training. Needs the extra `train`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from models.training.config import TrainingConfig
from models.training.data import Case, case_name, split
from models.training.evaluate import label_values_of


@dataclass(frozen=True, slots=True)
class Name:
    """A case that is not opened."""

    name: str


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--drawings", type=int, default=8, help="new drawings of each map")
    options = parser.parse_args()
    config = TrainingConfig.load(options.config)
    options.out.mkdir(parents=True, exist_ok=True)
    if config.synthesis is None:
        names = held_out_names(config, options.data)
    else:
        names = draw(config, options.data, options.out, options.drawings)
    (options.out / "cases.txt").write_text("".join(f"{name}\n" for name in names))


def held_out_names(config: TrainingConfig, data: Path) -> list[str]:
    """The names of the validation cases."""
    labels = {path.name for path in (data / config.data.labels).glob("*")}
    images = sorted(p for p in (data / config.data.image_folders[0]).glob("*") if p.name in labels)
    _, held_out = split([Name(case_name(path)) for path in images], config.data, config.seed)
    return [case.name for case in held_out]


def draw(config: TrainingConfig, data: Path, out: Path, drawings: int) -> list[str]:
    """Draws images and labels; returns their names.

    The first drawings are those of the training's evaluations: they are left out.
    """
    from models.training.synthesis import Drawn

    assert config.synthesis is not None
    known = config.synthesis.images
    more = config.synthesis.model_copy(update={"images": known + drawings})
    cases = Drawn(config.model_copy(update={"synthesis": more}), data).held_out
    maps = len(cases) // (known + drawings)
    names = []
    for number, case in enumerate(cases[known * maps :]):
        names.append(f"{case.name}-{number // maps + 1}")
        save(case, config, out, names[-1])
    return names


def save(case: Case, config: TrainingConfig, out: Path, name: str) -> None:
    """Writes images/NAME.nii.gz and labels/NAME.nii.gz."""
    affine = np.diag([*(config.card.spacing_mm or (1.0,) * 3), 1.0])
    labels = label_values_of(case.label, config).astype(np.uint16)
    values: NDArray[np.generic]
    for folder, values in (("images", case.image[0]), ("labels", labels)):
        (out / folder).mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(values, affine), out / folder / f"{name}.nii.gz")


if __name__ == "__main__":
    main()
