"""The files of a results folder, or of the zip that nnUNetv2_export_model_to_zip writes.

    nnUNet_results / Dataset001_name / Trainer__Plans__configuration / plans.json, dataset.json,
                                                                       fold_0/checkpoint_final.pth

The source may be any of these three folders. Torch-free.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol
from zipfile import ZipFile, is_zipfile

from imaging.errors import BadModel
from imaging.formats.archive import DAMAGED
from imaging.formats.atomic import raising_storage_full

_WANTED = (
    "plans.json",
    "dataset.json",
    "fold_*/checkpoint_*.pth",
    "fold_*/validation/summary.json",
)
_DEPTHS = ("", "*/", "*/*/")


class SourceFiles(Protocol):
    """The files of one source that an import may read."""

    def names(self) -> list[str]:
        """Their paths in the source, with slashes, sorted."""

    def path(self, name: str) -> Path:
        """The file, on disk; raises BadModel where it cannot be read."""


class FolderFiles:
    """The files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """Their paths in the folder."""
        found: set[str] = set()
        for depth in _DEPTHS:
            for plans in self._root.glob(f"{depth}plans.json"):
                for pattern in _WANTED:
                    found |= {_relative(path, self._root) for path in plans.parent.glob(pattern)}
        return sorted(found)

    def path(self, name: str) -> Path:
        """The file itself."""
        return self._root / name


class ZipFiles:
    """The files of a zip; a file that is asked for is extracted into `folder`."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self._archive = archive
        self._folder = folder

    def names(self) -> list[str]:
        """Their paths in the zip; empty where it is damaged."""
        try:
            with ZipFile(self._archive) as archive:
                return sorted(name for name in archive.namelist() if _wanted(name))
        except DAMAGED:
            return []

    def path(self, name: str) -> Path:
        """The extracted file."""
        target = self._folder / f"{len(list(self._folder.iterdir()))}-{PurePosixPath(name).name}"
        try:
            with (
                ZipFile(self._archive) as archive,
                archive.open(name) as member,
                target.open("wb") as out,
                raising_storage_full(),
            ):
                shutil.copyfileobj(member, out)
        except DAMAGED as error:
            raise BadModel(
                f"{name} cannot be read from the zip.",
                expected="The zip that nnUNetv2_export_model_to_zip wrote.",
                hint="Export or download the zip again.",
            ) from error
        return target


def source_files(source: Path, folder: Path) -> SourceFiles:
    """The files of `source`; members of a zip are extracted into `folder`."""
    if source.is_file() and is_zipfile(source):
        return ZipFiles(source, folder)
    return FolderFiles(source)


def model_folders(names: Iterable[str]) -> list[str]:
    """The folders of trained networks in a source: they have plans, a data set and a checkpoint."""
    listed = set(names)
    checkpoints = {_above(name, 2) for name in listed if name.endswith(".pth")}
    return sorted(
        folder
        for folder in checkpoints
        if {_join(folder, "plans.json"), _join(folder, "dataset.json")} <= listed
    )


def within(folder: str, names: Iterable[str]) -> dict[str, str]:
    """The files of one of these folders: path below the folder -> path in the source."""
    prefix = f"{folder}/" if folder else ""
    return {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and "\\" not in name
    return plain and any(path.match(pattern) for pattern in _WANTED)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _above(name: str, levels: int) -> str:
    folder = PurePosixPath(name)
    for _ in range(levels):
        folder = folder.parent
    return "" if folder == PurePosixPath() else str(folder)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
