"""C-STORE into a project that may not store more: refused, and a received series waits for room."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from imaging.errors import StorageLimitReached
from jobs.account import FIRST_PROJECT
from jobs.project_limits import ProjectLimits
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.use_cases.storage_room import StorageRoom
from tests.support.dicom.associations import store
from tests.support.dicom.mr_series import series
from tests.support.ports import free_port
from tests.support.served_app import served
from tests.support.waiting import until


def test_a_series_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, block = threading.Event(), StorageRoom.block

    def noticed(room: StorageRoom, project: str, reason: StorageLimitReached) -> None:
        block(room, project, reason)
        waits.set()

    monkeypatch.setattr(StorageRoom, "block", noticed)
    settings = Settings(
        data=tmp_path, broker_url="file://", dicom_port=free_port(), dicom_series_idle_s=0.2
    )
    first, second = series(6), series(1, seed=2)
    with (
        served(create_app(settings, Registry(tmp_path / "models"))) as client,
        closing(Repository(settings.database)) as repository,
    ):
        repository.quotas.set(FIRST_PROJECT, ProjectLimits(stored_bytes=100))
        assert store(settings.dicom_port, first[:1]) == [0xA700], "larger than the room"
        image = len(first[0].PixelData)
        repository.quotas.set(FIRST_PROJECT, ProjectLimits(stored_bytes=image + 2000))
        assert store(settings.dicom_port, first) == [0x0000] * 6, "each fits alone"
        assert waits.wait(60)
        assert store(settings.dicom_port, second) == [0xA700]
        assert client.get("/v1/scans").json()["scans"] == []
        repository.quotas.set(FIRST_PROJECT, ProjectLimits())
        until(lambda: client.get("/v1/scans").json()["scans"])
        assert store(settings.dicom_port, second) == [0x0000]
