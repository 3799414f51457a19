"""A real Orthanc, and a gateway with a worker beside it; all on loopback."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from tests.dicom.phantom import as_bytes
from tests.service.conftest import Gateway, environment, free_port, start
from tests.workers.conftest import network, until

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
MODEL = "small"
"""A network of a few convolutions: it sees labels in noise, everywhere."""


class Orthanc:
    """A PACS of our own, that can be killed and started again with what it had."""

    def __init__(self, program: str, plugin: Path, folder: Path) -> None:
        self.folder = folder
        self.http, self.dicom = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self._command = [program, str(folder / "orthanc.json")]
        self._process: subprocess.Popen[bytes] | None = None
        settings = {
            "Name": "test",
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowStore": True,
            "Plugins": [str(plugin)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        (folder / "orthanc.json").write_text(json.dumps(settings))
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        until(self._answers)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def put(self, images: Sequence[Dataset]) -> None:
        for image in images:
            self.client.post("/instances", content=as_bytes(image)).raise_for_status()

    def instances(self, modality: str) -> list[dict[str, Any]]:
        """Of all series of this modality: their main attributes."""
        query = {"Level": "Instance", "Expand": True, "Query": {"Modality": modality}}
        return list(self.client.post("/tools/find", json=query).json())

    def file(self, instance: str) -> bytes:
        return self.client.get(f"/instances/{instance}/file").content

    def send(self, what: str, port: int) -> None:
        """Has it C-STORE a resource to Tessera."""
        where = {"AET": "TESSERA", "Host": "127.0.0.1", "Port": port}
        self.client.put("/modalities/tessera", json=where).raise_for_status()
        answer = self.client.post("/modalities/tessera/store", json=what)
        answer.raise_for_status()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.client.get("/dicom-web/studies").is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """Started and empty."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    plugins = [Path(folder) / "libOrthancDicomWeb.so" for folder in PLUGINS]
    plugin = next((path for path in plugins if path.exists()), None)
    if program is None or plugin is None:
        pytest.skip("no Orthanc with DICOMweb: apt-get install orthanc orthanc-dicomweb")
    folder = tmp_path / "orthanc"
    folder.mkdir()
    found = Orthanc(program, plugin, folder)
    found.start()
    yield found
    found.kill()
    found.client.close()


class House:
    """A data folder that gateways receive into, and workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.dicom = free_port()
        self.models = folder / "models"
        network(self.models / MODEL, MODEL, 4)
        self.gateways: list[Gateway] = []
        self._workers: list[subprocess.Popen[bytes]] = []

    def gateway(self, routes: str = "", prelude: str = "", **settings: str) -> Gateway:
        """One that listens for DICOM."""
        (self.folder / "routes.toml").write_text(routes)
        known = {
            "routes": str(self.folder / "routes.toml"),
            "dicom_port": str(self.dicom),
            "dicom_quiet_s": "0.5",
            "dicom_patience_s": "1",
            "sweep_s": "0.2",
            "models": str(self.models),
        }
        self.gateways.append(start(self.data, prelude, **{**known, **settings}))
        return self.gateways[-1]

    def worker(self) -> None:
        code = "from cli.main import main\nmain(['worker', '--device', 'cpu'])"
        with (self.folder / f"worker-{len(self._workers)}.log").open("wb") as log:
            self._workers.append(
                subprocess.Popen(
                    [sys.executable, "-P", "-c", code],
                    env=environment(self.data, 0, sweep_s="0.2", models=str(self.models)),
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                )
            )

    def said(self) -> str:
        """All logs of gateways and workers."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def end(self) -> None:
        for gateway in self.gateways:
            gateway.stop()
        for worker in self._workers:
            worker.terminate()
            worker.wait(30)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path / "house")
    yield found
    found.end()


def associate(
    port: int, images: Sequence[Dataset] = (), calling: str = "SCANNER", called: str = "TESSERA"
) -> Association:
    """An association for these images and C-ECHO, established or not."""
    entity = AE(calling)
    entity.add_requested_context("1.2.840.10008.1.1")
    for kind, syntax in {(n.SOPClassUID, n.file_meta.TransferSyntaxUID) for n in images}:
        entity.add_requested_context(kind, syntax)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    return entity.associate("127.0.0.1", port, ae_title=called)


def store(port: int, images: Sequence[Dataset], calling: str = "SCANNER") -> list[int]:
    """The status of each C-STORE."""
    talk = associate(port, images, calling)
    assert talk.is_established
    statuses = [int(talk.send_c_store(image).Status) for image in images]
    talk.release()
    return statuses
