"""A real gateway: its own process, uvicorn on a free loopback port, SQLite and files beneath."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.types import ASGIApp

import service
from imaging.formats.limits import Limits
from imaging.formats.mask_file import SUFFIXES, write
from imaging.formats.sniff import open_scan
from jobs.blobs import Blobs
from jobs.job import Job, Progress
from jobs.repository import Repository
from jobs.settings import Settings
from models.card import ModelCard
from models.card_parts import Channel, Intensity, Label

HOUSE = Path(service.__file__).parent.parent
START = "from jobs.settings import Settings\nfrom service.serve import serve\n"
LOG = "import logging\nlogging.basicConfig(level=logging.INFO)\n"
UPLOAD_LIMIT = 4 << 20


@dataclass
class Gateway:
    """A running gateway, seen from outside and from its disk."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path
    settings: Settings
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def upload(self, content: bytes, name: str = "scan") -> httpx.Response:
        return self.client.post("/v1/scans", files={"files": (name, content)})

    def scan(self, content: bytes, name: str = "scan") -> str:
        """The id of an upload that must succeed."""
        answer = self.upload(content, name)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def job(self, **asked: object) -> dict[str, object]:
        answer = self.client.post("/v1/jobs", json=asked)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def kept(self) -> tuple[set[Path], int]:
        """All files of blobs and scratch (locks aside), and how many scans can be seen."""
        files = {
            path.relative_to(self.data)
            for folder in ("blobs", "tmp")
            for path in (self.data / folder).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        return files, len(self.client.get("/v1/scans?limit=200").json()["scans"])

    def age(self, files: Iterable[Path]) -> None:
        """Lets these files of blobs be older than any grace period."""
        for path in files:
            os.utime(self.data / path, (1, 1))

    def peak_bytes(self) -> int:
        """Most memory held at once since `forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @contextlib.contextmanager
    def repository(self) -> Iterator[Repository]:
        repository = Repository(self.settings.database)
        try:
            yield repository
        finally:
            repository.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int, **settings: str) -> dict[str, str]:
    """What a process of the house is told: the test's settings and nobody else's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
    return env | {
        "TESSERA_DATA": str(data),
        "TESSERA_PORT": str(port),
        "TESSERA_BROKER_URL": "file://",
        "PYTHONPATH": os.pathsep.join((str(HOUSE), env.get("PYTHONPATH", ""))),
        **{f"TESSERA_{name.upper()}": value for name, value in settings.items()},
    }


def start(data: Path, prelude: str = "", **settings: str) -> Gateway:
    """Starts a gateway over `data`; `prelude` is Python that its process runs first."""
    port = free_port()
    env = environment(data, port, **settings)
    data.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{prelude}\n{LOG}{START}serve(Settings())"],
            env=env,
            cwd=data.parent,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    known = Settings(data=data, broker_url="file://", models=settings.get("models"))
    gateway = Gateway(process, port, data, log, known)
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if gateway.client.get("/healthz").status_code == 200:
                return gateway
        time.sleep(0.05)
    gateway.stop(signal.SIGKILL)
    raise AssertionError(f"The gateway did not start:\n{log.read_text()}")


def card(name: str, dimension: int, *channels: str, components: int = 1) -> ModelCard:
    return ModelCard(
        name=name,
        version="1.0.0",
        title=name,
        dimension=dimension,
        channels=tuple(Channel(name=c, components=components) for c in channels),
        labels=(Label(value=1, name="thing", color="#ff0000"),),
        outputs=(0, 1),
        intensity=Intensity(kind="zscore"),
        padding="same",
        halo=(8,) * dimension,
        align=(4,) * dimension,
        minimum=(16,) * dimension,
        exact=True,
        licence="Apache-2.0",
        sha256="0" * 64,
    )


CARDS = (
    card("flat", 2, "rgb", components=3),
    card("solid", 3, "t1"),
    card("contrasts", 3, "t1", "t2"),
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cards of a 2D model, a 3D one, and one with two channels; the gateway needs no networks."""
    folder = tmp_path_factory.mktemp("models")
    for one in CARDS:
        (folder / one.name).mkdir()
        one.save(folder / one.name / "card.json")
    return folder


Start = Callable[..., Gateway]


@pytest.fixture
def start_gateway(tmp_path: Path, models: Path) -> Iterator[Start]:
    """Starts gateways of the test's own; all are stopped after it."""
    started: list[Gateway] = []

    def one(data: Path = tmp_path / "data", prelude: str = "", **settings: str) -> Gateway:
        started.append(start(data, prelude, **{"models": str(models), **settings}))
        return started[-1]

    yield one
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Gateway]:
    """One gateway for all tests that leave it as they found it."""
    data = tmp_path_factory.mktemp("gateway") / "data"
    running = start(data, models=str(models), upload_bytes=str(UPLOAD_LIMIT))
    yield running
    running.stop()


def nifti_bytes(
    shape: tuple[int, ...] = (5, 6, 7), seed: int = 0, *, affine: np.ndarray | None = None
) -> bytes:
    """A small uncompressed int16 volume, written by nibabel."""
    import nibabel

    voxels = np.random.default_rng(seed).integers(-500, 500, shape, dtype=np.int16)
    image = nibabel.Nifti1Image(voxels, np.diag([1, 2, 3, 1]) if affine is None else affine)
    return bytes(image.to_bytes())


def png_bytes(shape: tuple[int, ...] = (9, 11, 3), seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def ask(app: ASGIApp, path: str) -> httpx.Response:
    """What an app without a server answers to GET."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    return anyio.run(get)


def check_problem(answer: httpx.Response, status: int, *secrets: str) -> dict[str, object]:
    """The answer is a whole problem of this status that quotes nothing of the caller's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    for name in ("type", "title", "detail", "hint"):
        assert problem[name], problem
    assert "Traceback" not in answer.text
    for secret in secrets:
        assert secret not in answer.text
    return dict(problem)


def run_job(gateway: Gateway, job_id: str, mask: np.ndarray, **measurements: object) -> Job:
    """Does what a worker does: claims the job, stores a mask and a preview, finishes."""
    blobs = Blobs.from_settings(gateway.settings)
    with gateway.repository() as repository:
        job = repository.leases.claim(job_id, "test", 60)
        assert job is not None
        repository.leases.renew(job_id, job.fence, 60, Progress(2, 4))
        stored = repository.scans.get(job.project, next(iter(job.scans.values())))
        folder = gateway.data.parent
        with blobs.local(stored.sha256) as path:
            scan = open_scan(path, Limits())
            flat = scan.dimension == 2
            png = flat and mask.max() < 1 << 16
            kind = "png" if png else "ome-tiff" if flat else "nifti"
            made = folder / f"mask{SUFFIXES[kind]}"
            if png:
                Image.fromarray(mask).save(made)
            else:
                write(made, mask, scan)
        preview = folder / "preview.png"
        Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).save(preview)
        assert repository.leases.finish(
            job_id,
            job.fence,
            mask_sha256=blobs.put(made),
            mask_format=kind,
            preview_sha256=blobs.put(preview),
            report={
                "model": {"name": job.model},
                "measurements": {
                    "labels": [measured(flat=flat)],
                    "instances": None,
                    "objects": [],
                    **measurements,
                },
            },
        )
        return repository.jobs.by_id(job_id)


def measured(*, flat: bool) -> dict[str, object]:
    return {
        "value": 1,
        "name": "thing",
        "voxels": 6,
        "volume_ml": None if flat else 0.036,
        "area_px": 6 if flat else None,
        "area_mm2": None,
        "bounding_box": [[1, 1], [3, 4]] if flat else [[1, 1, 1], [2, 3, 4]],
        "centroid_voxel": [1.5, 2.0] if flat else [1.0, 1.5, 2.0],
        "centroid_mm": None if flat else [1.0, 3.0, 6.0],
    }
