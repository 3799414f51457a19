"""The files of a package: a folder, or a zip of one. Nothing else is opened. Torch-free.

package / rdf.yaml, bioimageio.yaml or NAME.rdf.yaml
          weights, test tensors, code       as the description names them
"""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, is_zipfile

from imaging.errors import BadModel
from imaging.formats.archive import DAMAGED
from imaging.formats.atomic import raising_storage_full
from imaging.hashes import sha256_of
from models.importers.bioimage_io.refusals import damaged

_DESCRIPTIONS = ("rdf.yaml", "bioimageio.yaml")
LARGEST_DESCRIPTION_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """A package as a folder."""

    root: Path
    description: str
    """Name of the description in `root`."""

    def path(self, source: str, sha256: str | None = None) -> Path:
        """A file that the description names; raises BadModel where it is at an address, outside of
        the package, missing, or another one than `sha256` states."""
        if "://" in source:
            raise BadModel(
                f"A file of the model is not in the package, but at the address {source[:200]}.",
                expected="A package that contains all of its files. Tessera downloads nothing.",
                hint="Download the complete package, or put the file beside the description and "
                "its name into it.",
            )
        path, root = (self.root / source).resolve(), self.root.resolve()
        if not path.is_relative_to(root):
            raise damaged(f"{source} is outside of the package.")
        if not path.is_file():
            raise damaged(f"{source}, which the description names, is not in the package.")
        if sha256 is not None and sha256_of(path) != sha256:
            raise damaged(f"{source} has another SHA-256 than the description states.")
        return path


def is_package(source: Path) -> bool:
    """Whether `source` contains a description of BioImage.IO."""
    try:
        return _description_in(_names(source)) is not None
    except DAMAGED:
        return False


def package_files(source: Path, folder: Path) -> PackageFiles:
    """The files of `source`; those of a zip are extracted into `folder`. Raises BadModel."""
    try:
        name = _description_in(_names(source))
        if name is None:
            raise damaged("The source has no rdf.yaml or bioimageio.yaml.")
        if source.is_dir():
            return PackageFiles(source, name)
        root = PurePosixPath(name).parent
        _extract(source, root, folder)
        return PackageFiles(folder, PurePosixPath(name).name)
    except DAMAGED as error:
        raise BadModel(
            "The zip of the package cannot be read.",
            expected="A complete zip without a password.",
            hint="Download it again, or unpack it and import the folder.",
        ) from error


def _names(source: Path) -> list[str]:
    """Names of the files at the top of a folder, or of all files of a zip."""
    if source.is_dir():
        return [path.name for path in source.iterdir() if path.is_file()]
    if not is_zipfile(source):
        return []
    with ZipFile(source) as archive:
        return archive.namelist()


def _description_in(names: list[str]) -> str | None:
    """The description nearest to the top; at one depth rdf.yaml is first."""
    matching = [
        (name.count("/"), rank, name)
        for name in names
        for rank, known in enumerate(_DESCRIPTIONS)
        if (last := PurePosixPath(name).name) == known or last.endswith(f".{known}")
    ]
    return min(matching)[2] if matching else None


def _extract(archive: Path, root: PurePosixPath, folder: Path) -> None:
    with ZipFile(archive) as opened:
        for member in opened.infolist():
            path = PurePosixPath(member.filename)
            inside = not path.is_absolute() and path.is_relative_to(root)
            if member.is_dir() or not inside or ".." in path.parts or "\\" in member.filename:
                continue
            target = folder.joinpath(*path.relative_to(root).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, raising_storage_full(), target.open("wb") as out:
                shutil.copyfileobj(source, out)
