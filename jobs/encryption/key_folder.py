"""The files with the data keys of a store in a folder."""

from collections.abc import Mapping
from pathlib import Path

from imaging.formats.atomic import replacing, sync_folder


class KeyFolder:
    """As `KeyFiles`: the folder `keys` of a folder that exists. Raises StorageFull, OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "keys"

    def key_files(self) -> Mapping[str, bytes]:
        """As `KeyFiles.key_files`."""
        return {path.name: path.read_bytes() for path in sorted(self._folder.glob("[!.]*"))}

    def put_key_file(self, name: str, content: bytes) -> None:
        """As `KeyFiles.put_key_file`."""
        self._folder.mkdir(exist_ok=True)
        with replacing(self._folder / name) as file:
            file.write(content)
        sync_folder(self._folder)
        sync_folder(self._folder.parent)
