"""The data keys of a store, as they are kept in it: `keys/ID`, encrypted with the settings' keys.

    {"version": 1, "wrapped_by": "9f86...", "created_at": 1760000000.0, "wrapped": "base64"}

Each has a random name, so that processes that start together in a new store do not overwrite each
other's. Files are encrypted with the newest. A data key is never deleted.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol, Self

from imaging.errors import BadRequest, DamagedFile
from jobs.encryption.data_key import ID_BYTES, DataKey
from jobs.encryption.key_ring import KeyRing, WrappingKey

_VERSION = 1


class KeyFiles(Protocol):
    """Where a store keeps small files with its data keys."""

    def key_files(self) -> Mapping[str, bytes]:
        """All of them: name -> content."""

    def put_key_file(self, name: str, content: bytes) -> None:
        """Stores one durably, in one step; replaces the one with this name."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A data key as it is stored."""

    id: bytes
    wrapped_by: str
    """The id of the settings' key that encrypts it."""
    created_at: float
    """Epoch seconds."""
    wrapped: bytes = field(repr=False)

    @classmethod
    def wrap(cls, key: DataKey, by: WrappingKey, created_at: float) -> Self:
        """Encrypts a data key."""
        return cls(key.id, by.id, created_at, by.wrap(key))

    @classmethod
    def parse(cls, name: str, content: bytes) -> Self:
        """Raises DamagedFile."""
        try:
            values = json.loads(content)
            wrapped = base64.b64decode(values["wrapped"], validate=True)
            key_id = bytes.fromhex(name)
            if values["version"] != _VERSION or len(key_id) != ID_BYTES:
                raise _damaged(name)
            return cls(key_id, str(values["wrapped_by"]), float(values["created_at"]), wrapped)
        except (ValueError, KeyError, TypeError):
            raise _damaged(name) from None

    def pack(self) -> bytes:
        """The content of its file."""
        values = {
            "version": _VERSION,
            "wrapped_by": self.wrapped_by,
            "created_at": self.created_at,
            "wrapped": base64.b64encode(self.wrapped).decode(),
        }
        return json.dumps(values).encode()

    def unwrap(self, ring: KeyRing) -> DataKey:
        """Raises BadRequest if its key is not in the ring, DamagedFile if the file was changed."""
        by = ring.find(self.wrapped_by)
        if by is None:
            raise BadRequest(
                "TESSERA_ENCRYPTION_KEY is not the key with which stored files are encrypted.",
                expected=f"The key with the id {self.wrapped_by}; the settings have "
                f"{', '.join(key.id for key in ring.keys)}.",
                hint="Set the earlier key. To change keys, set the new one and the earlier one, "
                "and run `tessera encryption rotate`.",
            )
        key = by.unwrap(self.id, self.wrapped)
        if key is None:
            raise _damaged(self.id.hex())
        return key


class StoreKeys:
    """The data keys of one store; safe to use from many threads. They are read at first use."""

    def __init__(self, files: KeyFiles, ring: KeyRing) -> None:
        self._files, self._ring = files, ring
        self._keys: dict[bytes, DataKey] = {}
        self._current: DataKey | None = None
        self._lock = Lock()

    def check(self) -> None:
        """Reads the keys; raises BadRequest if the settings' keys are not those of the store,
        DamagedFile, Unavailable."""
        with self._lock:
            self._load()

    def current(self) -> DataKey:
        """The key for new files; the first call for a new store makes it.

        Raises as `check` does.
        """
        with self._lock:
            if self._current is None:
                self._load()
            if self._current is None:
                self._add()
                self._load()
            if self._current is None:  # it was stored, and the store does not list it
                raise _damaged("for new files")
            return self._current

    def get(self, key_id: bytes) -> DataKey:
        """The key with this id; raises as `check` does, and DamagedFile if it is missing."""
        with self._lock:
            if key_id not in self._keys:
                self._load()
            key = self._keys.get(key_id)
        if key is None:
            raise _damaged(key_id.hex())
        return key

    def stored(self) -> Sequence[StoredKey]:
        """All of them as they are stored, oldest first; raises DamagedFile, Unavailable."""
        keys = [StoredKey.parse(*item) for item in self._files.key_files().items()]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    def rotate(self) -> int:
        """Encrypts all keys with the settings' current key, and adds one for new files.

        Returns how many were encrypted anew. Raises BadRequest if an earlier key is missing; then
        nothing is changed. It may be interrupted and repeated.
        """
        current = self._ring.current
        earlier = [key for key in self.stored() if key.wrapped_by != current.id]
        opened = [(key.unwrap(self._ring), key.created_at) for key in earlier]
        if not earlier:
            return 0
        with self._lock:
            self._add()
            for key, created_at in opened:
                self._put(StoredKey.wrap(key, current, created_at))
            self._load()
        return len(opened)

    def _load(self) -> None:
        keys = [key.unwrap(self._ring) for key in self.stored()]
        self._keys = {key.id: key for key in keys}
        self._current = keys[-1] if keys else None

    def _add(self) -> None:
        self._put(StoredKey.wrap(DataKey.new(), self._ring.current, time.time()))

    def _put(self, key: StoredKey) -> None:
        self._files.put_key_file(key.id.hex(), key.pack())


def check_not_encrypted(files: KeyFiles) -> None:
    """Raises BadRequest for a store with data keys, of which the settings have no key."""
    if files.key_files():
        raise BadRequest(
            "The stored files are encrypted, and there is no key in the settings.",
            expected="The same TESSERA_ENCRYPTION_KEY or TESSERA_ENCRYPTION_KEY_FILE for all "
            "gateways, workers and commands.",
            hint="Set the key. Without it, nobody can read the files.",
        )


def _damaged(name: str) -> DamagedFile:
    return DamagedFile(
        f"The data key {name} of the store is missing or damaged.",
        expected="The file with its name in the folder `keys` of the store, as it was written.",
        hint="Restore the folder `keys` from a copy of the store. Without it, the files that it "
        "encrypts cannot be read.",
    )
