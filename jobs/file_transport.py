"""A kombu transport that keeps messages in a folder, for machines without Redis.

Kombu's own file transport lets a reader see a partly written message, moves messages through the
system's temporary folder and orders them by a clock that restarts at every boot. Here a message
appears complete, and its file name begins with the priority.
"""

# ruff: noqa: ARG002 - the signatures are kombu's

import json
import os
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual

HIGHEST_PRIORITY = 9


class Channel(virtual.Channel):
    """Messages as files `<9 - priority>-<time>-<random>.<queue>.msg`, read in order of name.

    The worker that deletes the file owns the message. While the worker runs the job, the message
    exists only in its memory; the sweeper sends it again if that worker dies.
    """

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        urgency = HIGHEST_PRIORITY - (message["properties"].get("priority") or 0)
        name = f"{urgency}-{time.time_ns():020d}-{uuid.uuid4().hex}.{queue}.msg"
        draft = self._folder / f"{name}.draft"
        draft.write_text(json.dumps(message))
        draft.rename(self._folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        return self._first([queue])[1]

    def _poll(self, cycle: Any, callback: Callable[..., Any], timeout: float | None = None) -> Any:
        # All queues at once: kombu's cycle would take one queue after the other, whatever priority.
        queue, message = self._first(self._active_queues)
        return callback(message, queue)

    def _size(self, queue: str) -> int:
        return sum(name.endswith(f".{queue}.msg") for name in self._names())

    def _purge(self, queue: str) -> int:
        paths = list(self._folder.glob(f"*.{queue}.msg"))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _first(self, queues: Iterable[str]) -> tuple[str, dict[str, Any]]:
        endings = {f".{queue}.msg": queue for queue in queues}
        for name in sorted(self._names()):
            queue = endings.get(name[name.find(".") :])
            if queue is None:
                continue
            path = self._folder / name
            try:
                message = json.loads(path.read_text())
                path.unlink()
            except FileNotFoundError:
                continue  # another worker took it
            return queue, message
        raise Empty

    def _names(self) -> list[str]:
        with os.scandir(self._folder) as entries:
            return [entry.name for entry in entries]

    @property
    def _folder(self) -> Path:
        return Path(self.connection.client.transport_options["folder"])


class Transport(virtual.Transport):
    """The transport that kombu loads by its name."""

    Channel = Channel
    driver_type = "file"
    driver_name = "file"

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)  # type: ignore[no-untyped-call]
        Path(client.transport_options["folder"]).mkdir(parents=True, exist_ok=True)

    def driver_version(self) -> str:
        return "1"
