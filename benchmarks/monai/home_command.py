"""`python -m monai.bundle run`: MONAI's own command, in an environment of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from random_bundle import RandomBundle

from tests.support.monai_home import DROPPED, for_the_processor


class Home:
    """MONAI's command."""

    def __init__(self, python: Path) -> None:
        self._python = python.absolute()

    def mask(self, bundle: RandomBundle, images: list[Path], output: Path) -> NDArray[Any]:
        """The mask as the command stores it, on the stored axes of the scan.

        The bundle's configuration is used as it is, but for what this machine has not: the scans to
        run on, the folder of the output, a GPU, and modules of the bundle that are not used.
        """
        path = bundle.root / "configs" / "home.json"
        content = _for_this_machine(bundle, images, output)
        path.write_text(json.dumps(content))
        identifier = "run" if "run" in content else "evaluating"
        command = [
            str(self._python), "-m", "monai.bundle", "run", identifier,
            "--config_file", str(path),
            "--meta_file", str(bundle.root / "configs" / "metadata.json"),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=bundle.root, capture_output=True, text=True, check=False)
        files = [one for one in output.rglob("*") if one.is_file()]
        if done.returncode or len(files) != 1:
            raise SystemExit(f"{bundle.root.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return _read(files[0])


def _for_this_machine(bundle: RandomBundle, images: list[Path], output: Path) -> dict[str, Any]:
    content = for_the_processor(bundle.content)
    for argument in DROPPED.get(bundle.network_name, ()):
        content["network_def"].pop(argument, None)
    files = [str(path) for path in images]
    content["dataset"]["data"] = [{"image": files if len(files) > 1 else files[0]}]
    content["dataloader"]["num_workers"] = 0
    content["imports"] = [one for one in content["imports"] if "scripts." not in one]
    return content | {"bundle_root": str(bundle.root), "output_dir": str(output)}


def _read(path: Path) -> NDArray[Any]:
    if path.suffix == ".png":
        return np.asarray(Image.open(path)) // 255
    return np.asarray(nibabel.load(path).dataobj)
