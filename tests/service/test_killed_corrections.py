"""A gateway that is killed while readers correct masks loses nothing that it has acknowledged."""

import gzip
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from threading import Semaphore
from typing import Any

import httpx
import nibabel
import numpy as np
import pytest

from tests.support.corrections import Corrector, answered
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes

SHAPE = (24, 20, 16)
READERS, KILLS = 10, 3
"""Together 30 moments of a correction."""
SETS = 2
"""Changes in a correction."""


def mask_of(client: httpx.Client, path: str) -> np.ndarray:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    return np.asanyarray(image.dataobj)


@dataclass
class Reader:
    """Corrects one mask again and again, and remembers what the gateway has acknowledged."""

    job: str
    chance: random.Random
    acknowledged: Semaphore
    """Counts the responses to requests that store something."""
    versions: list[tuple[str, np.ndarray]] = field(default_factory=list)
    """Ids of saved reviews, and their masks."""
    draft: str = ""
    sets: list[list[list[int]]] = field(default_factory=list)
    pending: list[list[int]] = field(default_factory=list)
    """The set that was sent last, until it is acknowledged."""
    doing: str = ""

    def work(self, gateway: Gateway) -> str:
        """Corrects until the gateway is killed; what it was doing then."""
        ann = Corrector(gateway, self.job, "Ann")
        try:
            if self.doing:
                self._go_on(ann)
            while True:
                self._correct(ann)
        except httpx.TransportError:
            return self.doing

    def _correct(self, ann: Corrector) -> None:
        while len(self.sets) < SETS:
            if not self.draft:
                self.doing = "begin"
                base = self.versions[-1][0] if self.versions else None
                begun = ann.begin(base)
                assert begun["changes"] == 0
                self.draft = begun["id"]
            self.pending = self.pending or self._painted()
            self._append(ann)
        self._save(ann)

    def _append(self, ann: Corrector) -> None:
        self.doing = "append"
        answer = ann.append(self.draft, len(self.sets) + 1, self.pending)
        assert answered(answer)["changes"] == len(self.sets) + 1
        self.sets, self.pending = [*self.sets, self.pending], []
        self.acknowledged.release()

    def _save(self, ann: Corrector) -> None:
        self.doing = "save"
        review = answered(ann.save(self.draft, len(self.sets)), 201)
        assert review["id"] == self.draft
        self.versions.append((self.draft, self._expected()))
        self.draft, self.sets = "", []
        self.acknowledged.release()

    def _go_on(self, ann: Corrector) -> None:
        """After a restart: all that was acknowledged is there, and no more than was sent."""
        if self.doing == "begin":
            return
        if self.doing == "append":
            self.doing = "read"
            stored = answered(ann.get())
            assert stored["id"] == self.draft
            sent = [*self.sets, self.pending] if self.pending else self.sets
            assert stored["changes"] in (len(self.sets), len(sent))
            assert ann.changes() == list(chain(*sent[: stored["changes"]]))
            self.doing = "append"

    def _painted(self) -> list[list[int]]:
        """Some runs; now and then as many as a large correction has."""
        size = int(np.prod(SHAPE))
        count = self.chance.choice((1, 40, 40, 20_000))
        length = self.chance.randint(1, 9)
        rng = np.random.default_rng(self.chance.randrange(1 << 30))
        starts, values = rng.integers(0, size - length, count), rng.integers(0, 2, count)
        runs: list[list[int]] = np.stack([starts, np.full(count, length), values], 1).tolist()
        return runs

    def _expected(self) -> np.ndarray:
        base = self.versions[-1][1] if self.versions else np.zeros(SHAPE, np.uint8)
        flat = base.flatten(order="F")
        for start, length, value in chain(*self.sets):
            flat[start : start + length] = value
        return flat.reshape(SHAPE, order="F")

    def check(self, client: httpx.Client) -> None:
        """The model's mask and every version are as they were."""
        assert not mask_of(client, f"/v1/jobs/{self.job}/mask").any()
        listed = client.get(f"/v1/jobs/{self.job}/reviews").json()
        assert [one["id"] for one in listed] == [name for name, _ in self.versions]
        for name, expected in self.versions[-2:]:
            found = mask_of(client, f"/v1/jobs/{self.job}/reviews/{name}/mask")
            assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.process)]
)
def test_killed_at_random_moments(
    start_gateway: Start, database: str, request: pytest.FixtureRequest
) -> None:
    """While sets of changes are sent and stored, and while corrections are saved."""
    settings: dict[str, Any] = {}
    if database == "postgres":
        settings["database_url"] = request.getfixturevalue("postgres_url")
    chance = random.Random(17)
    gateway = start_gateway(**settings)
    acknowledged = Semaphore(0)
    readers = [_reader(gateway, chance, acknowledged) for _ in range(READERS)]
    moments: Counter[str] = Counter()
    with ThreadPoolExecutor(READERS) as pool:
        for _ in range(KILLS):
            working = [pool.submit(reader.work, gateway) for reader in readers]
            for _ in range(chance.randrange(READERS // 2, 2 * READERS)):
                assert acknowledged.acquire(timeout=60)
            time.sleep(chance.uniform(0, 0.03))  # somewhere between two responses, or in a request
            gateway.process.kill()
            gateway.process.wait(60)
            moments.update(one.result() for one in working)
            gateway = start_gateway(gateway.data, **settings)
        assert moments.total() == READERS * KILLS
        assert moments["append"] > KILLS, "few were killed while changes were sent"
        assert sum(len(one.versions) for one in readers) > KILLS, "few saved a correction"
    for reader in readers:
        ann = Corrector(gateway, reader.job, "Ann")
        if reader.doing == "save":
            reader._save(ann)
        reader.check(gateway.client)


def _reader(gateway: Gateway, chance: random.Random, acknowledged: Semaphore) -> Reader:
    scan = gateway.scan(nifti_bytes(SHAPE))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    run_job(gateway, job, np.zeros(SHAPE, np.uint8))
    return Reader(job, random.Random(chance.random()), acknowledged)
