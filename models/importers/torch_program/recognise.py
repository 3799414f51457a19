"""Recognises torch's files by the names in their zip archive; nothing in them runs. Torch-free."""

from pathlib import Path
from zipfile import BadZipFile, ZipFile


def _names(source: Path) -> list[str]:
    try:
        if not source.is_file():
            return []
        with ZipFile(source) as archive:
            return archive.namelist()
    except (OSError, BadZipFile, ValueError, NotImplementedError):
        return []


def is_torchscript(source: Path) -> bool:
    """Whether it is a TorchScript file: NAME/constants.pkl and NAME/code/..."""
    names = [name.partition("/")[2] for name in _names(source)]
    return "constants.pkl" in names and any(name.startswith("code/") for name in names)


def is_exported_program(source: Path) -> bool:
    """Whether it is a file of `torch.export.save` (.pt2)."""
    names = [name.rpartition("/")[2] for name in _names(source)]
    return "archive_format" in names or "serialized_exported_program.json" in names
