"""Server-sent events (HTML Living Standard, 9.2), parsed as they arrive."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    name: str
    data: str
    id: str


class EventParser:
    """Collects lines until an event is complete; comments (heartbeats) are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, list[str]] = {}

    def feed(self, block: bytes) -> list[Event]:
        """The events that are complete with these bytes."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        events = []
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
            if line:
                name, _, value = line.partition(":")
                self._fields.setdefault(name, []).append(value.removeprefix(" "))
                continue
            data = "\n".join(self._fields.get("data", ()))
            if data:
                events.append(Event(self._last("event"), data, self._last("id")))
            self._fields = {}
        return events

    def _last(self, name: str) -> str:
        return self._fields.get(name, [""])[-1]
