"""Where a network comes from: which data, which code."""

import shutil
import subprocess
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

from imaging.hashes import sha256_of
from models.training.config import TrainingConfig
from models.training.tables import Data


def data_sha256(data: Data, root: Path) -> str:
    """The hash of the names and contents of all files that the configuration names, in order."""
    whole = sha256()
    for folder in filter(None, (data.images, data.labels)):
        for path in sorted(path for path in (root / folder).glob("*") if path.is_file()):
            whole.update(f"{path.name} {sha256_of(path)}\n".encode())
    return whole.hexdigest()


def code_version() -> str:
    """The package's version, and the commit where the code lies in a checkout."""
    try:
        known = version("tessera-seg")
    except PackageNotFoundError:
        known = "unknown"
    git = shutil.which("git")
    if git is None or not (Path(__file__).parents[2] / ".git").exists():
        return known
    asked = (git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")
    said = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    return f"{known} ({said.stdout.strip()})" if said.returncode == 0 else known


def told(config: TrainingConfig) -> dict[str, Any]:
    """The configuration as plain values, for a card that anyone may read.

    Fields at their defaults are left out. Absolute paths lose their folders, and cases that were
    held out by name are counted: where things lie, and who was a case, is no business of others.
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
