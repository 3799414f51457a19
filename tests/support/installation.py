"""A data folder with gateways that listen for DICOM, and workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.convolutions import network
from tests.support.gateway import Gateway, start
from tests.support.ports import free_port
from tests.support.processes import Process, start_worker, stop

MODEL = "small"
"""Name of a network of a few convolutions, which finds labels everywhere in noise."""


class Installation:
    """Gateways that receive DICOM into one data folder, and workers over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.dicom = free_port()
        self.models = folder / "models"
        network(self.models / MODEL, MODEL, 4)
        self.gateways: list[Gateway] = []
        self._workers: list[Process] = []

    def gateway(self, routes: str = "", prelude: str = "", **settings: str) -> Gateway:
        """Starts a gateway that listens for DICOM under these routing rules."""
        (self.folder / "routes.toml").write_text(routes)
        known = {
            "routing_table": str(self.folder / "routes.toml"),
            "dicom_port": str(self.dicom),
            "dicom_series_idle_s": "0.5",
            "dicom_series_timeout_s": "1",
            "sweep_interval_s": "0.2",
            "models": str(self.models),
        }
        self.gateways.append(start(self.data, prelude, None, **{**known, **settings}))
        return self.gateways[-1]

    def worker(self, **changes: str) -> None:
        """Starts a worker on a CPU; `changes` are settings."""
        log = self.folder / f"worker-{len(self._workers)}.log"
        settings = {"sweep_interval_s": "0.2", "models": str(self.models)}
        self._workers.append(start_worker(self.data, log, **{**settings, **changes}))

    def logs(self) -> str:
        """The logs of all gateways and workers."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def end(self) -> None:
        """Stops every process."""
        for gateway in self.gateways:
            gateway.stop()
        for worker in self._workers:
            stop(worker)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A data folder without any process. Every process is stopped after the test."""
    started = Installation(tmp_path / "installation")
    yield started
    started.end()
