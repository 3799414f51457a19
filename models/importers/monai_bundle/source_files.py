"""The files of a bundle: a folder, or a zip of one. Torch-free.

bundle / configs / metadata.json, inference.json or inference.yaml
         models  / model.pt or model.ts
         scripts / ...            code; used only with --trust
"""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile, is_zipfile

from imaging.errors import BadModel
from imaging.formats.archive import DAMAGED
from imaging.formats.atomic import raising_storage_full
from models.importers.json_file import LARGEST_BYTES, read_json
from models.importers.monai_bundle.refusals import damaged

_METADATA = "configs/metadata.json"
_CONFIGURATIONS = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
_WANTED = ("configs", "models", "scripts", "docs", "LICENSE", "LICENSE.txt", "LICENSE.md")


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """A bundle as a folder."""

    root: Path

    @property
    def configuration(self) -> Path:
        """The file of the inference; raises BadModel where there is none."""
        for name in _CONFIGURATIONS:
            if (self.root / name).is_file():
                return self.root / name
        raise damaged("The bundle has no configs/inference.json or configs/inference.yaml.")

    def metadata(self) -> dict[str, Any]:
        """The content of configs/metadata.json."""
        content = read_json(self.root / _METADATA)
        if not isinstance(content, dict):
            raise damaged("configs/metadata.json is no object.")
        return content

    def inference(self) -> dict[str, Any]:
        """The content of the configuration, nothing resolved."""
        path = self.configuration
        content = read_json(path) if path.suffix == ".json" else _read_yaml(path)
        if not isinstance(content, dict):
            raise damaged(f"{path.name} of the bundle is no mapping.")
        return content

    def weights(self, stated: str) -> Path | None:
        """The file of weights that the configuration states, or models/model.pt; None where it is
        missing. A path outside of the bundle counts by its name."""
        root = self.root.resolve()
        for name in (stated, f"models/{PurePosixPath(stated).name}"):
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
        return None


def is_bundle(source: Path) -> bool:
    """Whether `source` contains a configuration and the metadata of a bundle."""
    if source.is_dir():
        return (source / _METADATA).is_file() and any(
            (source / name).is_file() for name in _CONFIGURATIONS
        )
    try:
        return is_zipfile(source) and _zip_root(source) is not None
    except DAMAGED:
        return False


def bundle_files(source: Path, folder: Path) -> BundleFiles:
    """The files of `source`; those of a zip are extracted into `folder`. Raises BadModel."""
    if source.is_dir():
        return BundleFiles(source)
    try:
        return BundleFiles(_extracted(source, folder))
    except DAMAGED as error:
        raise BadModel(
            "The zip of the bundle cannot be read.",
            expected="A complete zip without a password.",
            hint="Download it again, or unpack it and import the folder.",
        ) from error


def _zip_root(archive: Path) -> PurePosixPath | None:
    """The folder in the zip that is the bundle."""
    with ZipFile(archive) as opened:
        names = set(opened.namelist())
    for name in sorted(names, key=len):
        if name == _METADATA or name.endswith(f"/{_METADATA}"):
            root = name.removesuffix(_METADATA)
            if any(root + configuration in names for configuration in _CONFIGURATIONS):
                return PurePosixPath(root)
    return None


def _extracted(archive: Path, folder: Path) -> Path:
    root = _zip_root(archive)
    if root is None:
        raise ValueError("no bundle")
    with ZipFile(archive) as opened:
        for member in opened.infolist():
            path = PurePosixPath(member.filename)
            if member.is_dir() or not path.is_relative_to(root):
                continue
            parts = path.relative_to(root).parts
            if parts[0] not in _WANTED or ".." in parts or "\\" in member.filename:
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, raising_storage_full(), target.open("wb") as out:
                shutil.copyfileobj(source, out)
    return folder


def _read_yaml(path: Path) -> Any:
    import yaml

    if path.stat().st_size > LARGEST_BYTES:
        raise damaged(f"{path.name} of the bundle is larger than 64 MiB.")
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise damaged(f"{path.name} of the bundle is not valid YAML.") from error
