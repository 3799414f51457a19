"""Provenance of a trained network: data, code and configuration."""

import shutil
import subprocess
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

import torch

from imaging.hashes import sha256_of
from models.training.config import TrainingConfig
from models.training.tables import Data


def provenance(config: TrainingConfig, data: Path) -> dict[str, str]:
    """What the card states about data and code."""
    return {
        "data_sha256": data_sha256(config.data, data),
        "code": code_version(),
        "torch": str(torch.__version__),
    }


def data_sha256(data: Data, root: Path) -> str:
    """SHA-256 of the names and contents of all data files of the configuration, in order."""
    whole = sha256()
    for folder in (*data.image_folders, data.labels):
        for path in sorted(path for path in (root / folder).glob("*") if path.is_file()):
            whole.update(f"{path.name} {sha256_of(path)}\n".encode())
    return whole.hexdigest()


def code_version() -> str:
    """The package's version, with the commit if the code is in a git checkout."""
    try:
        release = version("tessera-seg")
    except PackageNotFoundError:
        release = "unknown"
    git = shutil.which("git")
    if git is None or not (Path(__file__).parents[2] / ".git").exists():
        return release
    command = (git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    return f"{release} ({done.stdout.strip()})" if done.returncode == 0 else release


def published_config(config: TrainingConfig) -> dict[str, Any]:
    """The configuration as plain values, for a public card.

    Fields with their default are left out. To keep folders and case names private, absolute paths
    are reduced to the file name, and cases that are held out by name to their number.
    """
    plain: dict[str, Any] = _plain(config.model_dump(exclude_defaults=True))
    if isinstance(config.data.validation, tuple):
        plain["data"]["validation"] = len(config.data.validation)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if isinstance(value, PurePath):
        return value.name if value.is_absolute() else value.as_posix()
    return value
