"""Erasure of a patient: afterwards, nothing of it is found in any file or row."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import insert

from imaging.formats.dicom.pseudonyms import pseudonym
from jobs.repository import Repository
from jobs.repository.schema.webhook_tables import webhook_messages
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.dicom.series_inbox import SeriesInbox
from tests.support.command_line import run
from tests.support.corrections import Corrector
from tests.support.dicom.files import as_bytes, classic
from tests.support.finished_jobs import run_job
from tests.support.served_app import served

SHAPE = (16, 12, 5)
SECRET = "a pseudonym key of the tests"
KINDS = ("drafts", "jobs", "received series", "replies", "reviews", "scans", "unfinished uploads")


@dataclass
class Here:
    """What `run_job` and `Corrector` use of a gateway."""

    client: httpx.Client
    settings: Settings
    data: Path

    @contextmanager
    def repository(self) -> Iterator[Repository]:
        with closing(Repository(self.settings.database)) as repository:
            yield repository


class Person:
    """A patient with two series, all that a service makes of them, and how to recognise it."""

    def __init__(self, here: Any, name: str, seed: int) -> None:
        self.here, self.name = here, name
        self.id = f"MRN-{seed}-{name}"
        secret = hmac.digest(SECRET.encode(), b"project:local", "sha256")
        self.pseudonym = pseudonym("patient", self.id, secret)
        values = np.random.default_rng(seed).integers(0, 1000, SHAPE).astype(np.int16)
        header = {"PatientID": self.id, "PatientName": f"{name}^Patient"}
        affine = np.diag([1.0, 1.0, 2.0, 1.0])
        self.series = [classic(values + n, affine, **header) for n in range(2)]
        self.pixels = [one.PixelData[:64] for images in self.series for one in images[:1]]
        self.ids: list[str] = []

    def arrive(self) -> None:
        """Uploads of both series, one of them de-identified, with jobs and their results."""
        mask = np.zeros(SHAPE, np.uint8)
        mask[3, 4, 2] = 1  # the same for all patients: one stored file
        for number, images in enumerate(self.series):
            files = [("files", (f"{self.name}-scan.dcm", as_bytes(one))) for one in images]
            options = {"deidentify": str(number == 1).lower()}
            answer = self.here.client.post("/v1/scans", files=files, params=options)
            assert answer.status_code == 201, answer.text
            scan = answer.json()["id"]
            job = self._ordered(scan)
            run_job(self.here, job, mask)
            corrector = Corrector(self.here, job, f"{self.name} reader")
            draft = corrector.begin()["id"]
            corrector.append(draft, 1, [[0, 3, 1]])
            saved = corrector.save(draft, 1)
            assert saved.status_code == 201, saved.text
            corrector.append(corrector.begin()["id"], 1, [[40, 2, 1]])
            again = self._ordered(scan)
            run_job(self.here, again, mask)
            body = {"jobs": [{"id": again, "seen": ""}], "verdict": "accepted", "reviewer": "Ann"}
            judged = self.here.client.post("/v1/batch-reviews", json=body)
            assert judged.status_code in (200, 201), judged.text
            self.ids += [scan, job, again, draft, saved.json()["id"]]
            self._announce(job)
        self._leave_upload()
        self._send()

    def _ordered(self, scan: str) -> str:
        answer = self.here.client.post(
            "/v1/jobs", json={"scan": scan, "model": "solid"}, headers={"Idempotency-Key": _key()}
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def _announce(self, job: str) -> None:
        message = {
            "id": f"msg-{job}",
            "project": "local",
            "endpoint": "ris",
            "event": "job.succeeded",
            "job": job,
            "body": f'{{"job": "{job}"}}',
            "created_at": 1.0,
            "due_at": 9e9,
            "state": "waiting",
            "attempts": 0,
        }
        with self.here.repository() as rows, rows.database.write() as connection:
            connection.execute(insert(webhook_messages).values(message))

    def _leave_upload(self) -> None:
        content = as_bytes(self.series[0][0])
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content))}
        name = b64encode(f"{self.name}-scan.dcm".encode()).decode()
        named = {**tus, "Upload-Metadata": f"filename {name}"}
        made = self.here.client.post("/v1/uploads", headers=named)
        assert made.status_code == 201, made.text
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        place = made.headers["location"]
        part = self.here.client.patch(place, headers={**tus, **kind}, content=content)
        assert part.status_code == 204, part.text

    def _send(self) -> None:
        with closing(SeriesInbox(self.here.settings)) as inbox:
            for images in self.series:
                for one in images:
                    inbox.receive([as_bytes(one)], one.SOPInstanceUID, 1)
            inbox.association_ended(1, released=True)
            (inbox._root / "waits").mkdir(exist_ok=True)

    def texts(self) -> list[bytes]:
        """What must be in no file: names, ids, pseudonyms and pixels."""
        uids = [
            str(getattr(one, name))
            for images in self.series
            for one in images
            for name in ("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID")
        ]
        words = [self.id, f"{self.name}^Patient", self.pseudonym, f"{self.name}-scan", *uids]
        return [*(word.encode() for word in words), *self.pixels]


_keys = iter(range(1000))


def _key() -> str:
    return f"key-{next(_keys)}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.process)])
def here(
    request: pytest.FixtureRequest, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Here]:
    """A service with a gateway in this process, and the settings of a command beside it."""
    values = {
        "DATA": str(tmp_path / "data"),
        "MODELS": str(models),
        "PSEUDONYM_SECRET": SECRET,
        "BROKER_URL": "file://",
    }
    if request.param == "postgres":
        values["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    for name, value in values.items():
        monkeypatch.setenv(f"TESSERA_{name}", value)
    settings = Settings()
    # commands delete at once; the sweeping gateway does not delete what the test stores just now
    monkeypatch.setenv("TESSERA_BLOB_GRACE_S", "0")
    with served(create_app(settings, Registry(models))) as client:
        yield Here(client, settings, tmp_path / "data")


def found_in(here: Here, texts: list[bytes]) -> dict[bytes, str]:
    """Which of the texts are in the data folder or the rows, and where."""
    places: dict[bytes, str] = {}
    for path in here.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            places |= {text: path.name for text in texts if text in content}
    with here.repository() as rows, rows.table_backup.state() as state:
        for table in state.tables:
            for row in state.rows(table):
                content = repr(row).encode()
                places |= {text: table.name for text in texts if text in content}
    return places


def ids_in_rows(here: Here, ids: list[str]) -> set[str]:
    """The tables that name one of these ids."""
    with here.repository() as rows, rows.table_backup.state() as state:
        return {
            table.name
            for table in state.tables
            for row in state.rows(table)
            if any(one in repr(row) for one in ids)
        }


def test_nothing_of_an_erased_patient_is_left(
    here: Here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = Person(here, "Norma", 17), Person(here, "Aida", 18)
    for person in (gone, other):
        person.arrive()
    assert set(found_in(here, gone.texts())) == set(gone.texts())
    kept = found_in(here, other.texts())
    files = _stored(here)

    chosen = ("erase", "--project", "local", "--pseudonym", gone.pseudonym)
    status, planned = run(capsys, *chosen, "--dry-run")
    assert (status, files) == (0, _stored(here))
    for kind in KINDS:
        assert f"local {kind}: " in planned
    assert "local scans: 2, " in planned
    assert "local jobs: 4, " in planned
    assert "local received series: 2, " in planned

    status, said = run(capsys, "retention", "hold", "patient", gone.pseudonym, "--reason", "Case 9")
    assert status == 0, said
    status, refused = run(capsys, *chosen, "--yes")
    assert (status, "Case 9" in refused, files) == (1, True, _stored(here))
    assert run(capsys, "retention", "lift", said.split()[0])[0] == 0

    monkeypatch.setattr("click.prompt", lambda *_, **__: gone.id)
    status, erased = run(capsys, "erase", "--project", "local", "--patient-id", "--yes")
    assert status == 0, erased
    for line in planned.split("local ")[1:]:
        assert line.strip() in erased

    assert found_in(here, gone.texts()) == {}
    assert ids_in_rows(here, gone.ids) == {"audit_events"}
    assert found_in(here, other.texts()).keys() == kept.keys()
    assert len(here.client.get("/v1/scans").json()["scans"]) == 2
    for job in other.ids[1::5]:
        assert here.client.get(f"/v1/jobs/{job}/mask").status_code == 200
    assert run(capsys, *chosen, "--yes")[1].count("nothing") == 2
    assert run(capsys, "audit", "verify")[0] == 0


def _stored(here: Here) -> set[str]:
    """Files of the patients, and their contents."""
    folders = [here.data / name for name in ("blobs", "inbox", "uploads")]
    return {
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
