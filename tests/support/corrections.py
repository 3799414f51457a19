"""A reader who corrects a mask over HTTP, as the page does."""

import gzip
from typing import Any

import httpx
import numpy as np

from tests.support.gateway import Gateway


def pack(runs: Any) -> bytes:
    """Runs (start, length, value), packed without any code of Tessera."""
    return gzip.compress(np.array(runs, "<u4").reshape(-1, 3).tobytes(), mtime=0)


def unpack(packed: bytes) -> list[list[int]]:
    runs: list[list[int]] = np.frombuffer(gzip.decompress(packed), "<u4").reshape(-1, 3).tolist()
    return runs


def voxel_runs(volume: np.ndarray, where: np.ndarray, value: int) -> list[tuple[int, int, int]]:
    """A run for each voxel of `where`, on the grid of `volume`, first axis fastest."""
    places = np.flatnonzero(np.broadcast_to(where, volume.shape).flatten(order="F"))
    return [(int(place), 1, value) for place in places]


class Corrector:
    """A reader and the job whose mask is corrected."""

    def __init__(self, gateway: Gateway, job: str, reader: str = "Ann") -> None:
        self.client, self.reader = gateway.client, reader
        self.path = f"/v1/jobs/{job}/draft"
        self.reviews = f"/v1/jobs/{job}/reviews"

    def begin(self, base: str | None = None) -> dict[str, Any]:
        return answered(self.client.put(self.path, json={"reader": self.reader, "base": base}))

    def append(self, draft: str, number: int, runs: Any, seconds: float = 1.5) -> httpx.Response:
        return self.send(draft, number, pack(runs), seconds=seconds)

    def send(self, draft: str, number: int, body: bytes, **query: Any) -> httpx.Response:
        query = {"reader": self.reader, "draft": draft, **query}
        kind = {"Content-Type": "application/octet-stream"}
        return self.client.put(
            f"{self.path}/changes/{number}", params=query, content=body, headers=kind
        )

    def changes(self) -> list[list[int]]:
        answer = self.client.get(f"{self.path}/changes", params={"reader": self.reader})
        assert answer.status_code == 200, answer.text
        return unpack(answer.content)

    def get(self) -> httpx.Response:
        return self.client.get(self.path, params={"reader": self.reader})

    def save(self, draft: str, changes: int, **more: Any) -> httpx.Response:
        body = {"verdict": "corrected", "draft": draft, "draft_changes": changes}
        return self.client.post(self.reviews, json={**body, "reviewer": self.reader, **more})

    def corrected(self, runs: Any, base: str | None = None) -> dict[str, Any]:
        """The review of a correction that is begun, changed once and saved."""
        draft = self.begin(base)["id"]
        answered(self.append(draft, 1, runs))
        return answered(self.save(draft, 1), 201)


def answered(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json())
