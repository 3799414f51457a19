"""A real PACS: Orthanc with its DICOMweb plug-in, from system packages."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import Dataset

from tests.support.certificates import Certificates
from tests.support.dicom.mr_series import as_bytes
from tests.support.ports import free_port
from tests.support.waiting import until

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")


class Orthanc:
    """An Orthanc server that can be killed and started again over the same files."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        """`changes` are settings. The test is skipped if Orthanc is not installed."""
        program, plugin = _installed()
        folder.mkdir()
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
            **changes,
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
        """The main attributes of all instances of this modality."""
        query = {"Level": "Instance", "Expand": True, "Query": {"Modality": modality}}
        return list(self.client.post("/tools/find", json=query).json())

    def file(self, instance: str) -> bytes:
        return self.client.get(f"/instances/{instance}/file").content

    def modality(self, name: str, port: int, *, tls: bool = False) -> None:
        """Makes Tessera known to Orthanc."""
        peer = {"AET": "TESSERA", "Host": "127.0.0.1", "Port": port, "UseDicomTls": tls}
        self.client.put(f"/modalities/{name}", json=peer).raise_for_status()

    def send(self, resource: str, port: int) -> None:
        """Makes Orthanc send a resource to Tessera by C-STORE."""
        self.modality("tessera", port)
        answer = self.client.post("/modalities/tessera/store", json=resource)
        answer.raise_for_status()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.client.get("/dicom-web/studies").is_success
        except httpx.TransportError:
            return False


def _installed() -> tuple[str, Path]:
    """The program and the plug-in."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    plugins = [Path(folder) / "libOrthancDicomWeb.so" for folder in PLUGINS]
    plugin = next((path for path in plugins if path.exists()), None)
    if program is None or plugin is None:
        pytest.skip("no Orthanc with DICOMweb: apt-get install orthanc orthanc-dicomweb")
    return program, plugin


def _running(server: Orthanc) -> Iterator[Orthanc]:
    server.start()
    yield server
    server.kill()
    server.client.close()


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """A running, empty Orthanc. The test is skipped if it is not installed."""
    yield from _running(Orthanc(tmp_path / "orthanc"))


@pytest.fixture
def secured_orthanc(tmp_path: Path, certificates: Certificates) -> Iterator[Orthanc]:
    """The same with DICOM TLS: it presents a certificate, and needs one from others."""
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificates.pacs.certificate),
        "DicomTlsPrivateKey": str(certificates.pacs.key),
        "DicomTlsTrustedCertificates": str(certificates.ca),
        "DicomTlsRemoteCertificateRequired": True,
    }
    yield from _running(Orthanc(tmp_path / "orthanc", **settings))
