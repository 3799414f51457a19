"""Blinded second readings over HTTP, as readers with accounts who try to see more see them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from imaging.formats.limits import Limits
from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from jobs.blobs import open_blobs
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth import Caller, HttpCaller, Permission, Principal
from tests.support.answers import check_problem
from tests.support.claims import claimed
from tests.support.corrections import pack
from tests.support.dicom.files import classic
from tests.support.dicom.files import write as write_files
from tests.support.dicom.scans import turned, voxels
from tests.support.finished_jobs import measured
from tests.support.images import nifti_bytes
from tests.support.served_app import served

SHAPE = (5, 6, 7)
SECRETS = ("Leaks into the ventricle", '"rejected"', '"corrected"', '"leak"', "Ann")
"""What must not be in any answer to another reader before both have read."""
TABLE = "/v1/second-readings/agreement.csv"
_READERS = frozenset(Permission) - {Permission.READINGS_MANAGE, Permission.READINGS_UNBLIND}


class Accounts:
    """Callers state the name of their account; only Chief may manage second readings, and
    Opal, who may not look at them."""

    def authenticate(self, caller: Caller) -> Principal:
        name = caller.authorization if isinstance(caller, HttpCaller) else ""
        may = frozenset(Permission) if name in ("", "Chief") else _READERS
        may |= {Permission.READINGS_MANAGE} if name == "Opal" else set()
        return Principal(name or "task", "local", may, reader=name)


@dataclass
class Service:
    """A gateway in this process, its disk, and callers with accounts."""

    client: httpx.Client
    settings: Settings

    def __post_init__(self) -> None:
        self.jobs = 0

    def call(self, name: str, method: str, path: str, **sent: Any) -> httpx.Response:
        return self.client.request(method, path, headers={"Authorization": name}, **sent)

    def get(self, name: str, path: str) -> Any:
        answer = self.call(name, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finished(self, scan_files: Sequence[bytes] = (), **more: Any) -> str:
        """The id of a job with a mask of 2 labels on a new scan."""
        self.jobs += 1
        content = scan_files or [nifti_bytes(SHAPE, seed=self.jobs)]
        sent = [("files", ("scan.nii", one)) for one in content]
        scan = self.call("Chief", "POST", "/v1/scans", files=sent).json()["id"]
        order = {"scan": scan, "model": "solid", **more}
        job = str(self.call("Chief", "POST", "/v1/jobs", json=order).json()["id"])
        self.finish(job)
        return job

    def finish(self, job: str) -> None:
        blobs = open_blobs(self.settings)
        with closing(Repository(self.settings.database)) as repository:
            held = claimed(repository, job)
            stored = repository.scans.get("local", held.grid_scan)
            with blobs.local(stored.sha256) as path:
                made = self.settings.data / "made.nii.gz"
                write(made, mask_of(2), open_scan(path, Limits()))
            assert repository.leases.finish(
                *(job, held.fence),
                mask_sha256=blobs.put(made),
                mask_format="nifti",
                preview_sha256=None,
                report={
                    "measurements": {"labels": [measured(flat=False)], "instances": None},
                    "warnings": [],
                },
            )

    def put_up(self, job: str, **options: Any) -> dict[str, Any]:
        answer = self.call("Chief", "PUT", f"/v1/jobs/{job}/second-reading", json=options)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def judge(self, name: str, job: str, verdict: str, **more: Any) -> httpx.Response:
        sent = {"verdict": verdict, **more}
        return self.call(name, "POST", f"/v1/jobs/{job}/reviews", json=sent)

    def correct(self, name: str, job: str, rows: int) -> None:
        """Sends a label map as 3D Slicer does."""
        scan = self.get(name, f"/v1/jobs/{job}")["scans"]["t1"]
        stored = self.call(name, "GET", f"/monai-label/datastore/image?image={scan}").content
        folder = self.settings.data
        (folder / "image.nii.gz").write_bytes(stored)
        write(folder / "label.nii.gz", mask_of(rows), open_scan(folder / "image.nii.gz", Limits()))
        params = {"label_info": [{"name": "thing", "idx": 1}], "client_id": f"slicer of {name}"}
        answer = self.call(
            *(name, "PUT", f"/monai-label/datastore/label?image={scan}"),
            files={"label": ("label.nii.gz", (folder / "label.nii.gz").read_bytes())},
            data={"params": json.dumps(params)},
        )
        assert answer.status_code == 200, answer.text

    def begin_correction(self, name: str, job: str, planes: int, **body: Any) -> str:
        """A draft in which as many planes have the label 1; its id."""
        begun = self.call(name, "PUT", f"/v1/jobs/{job}/draft", json=body)
        assert begun.status_code == 200, begun.text
        draft = str(begun.json()["id"])
        path = f"/v1/jobs/{job}/draft/changes/1?draft={draft}"
        runs = [[SHAPE[0] * row, SHAPE[0], 0] for row in range(SHAPE[1] * SHAPE[2])]
        runs += [[SHAPE[0] * row, planes, 1] for row in range(SHAPE[1] * SHAPE[2])]
        assert self.call(name, "PUT", path, content=pack(runs)).status_code == 200
        return draft

    def save_correction(self, name: str, job: str, draft: str, **more: Any) -> httpx.Response:
        body = {"draft": draft, "draft_changes": 1, **more}
        return self.judge(name, job, "corrected", **body)

    def reading(self, name: str, job: str) -> dict[str, Any]:
        return dict(self.get(name, f"/v1/jobs/{job}/second-reading"))


def mask_of(rows: int) -> np.ndarray:
    """`rows` planes of label 1."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[:rows] = 1
    return mask


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.process)])
def service(request: pytest.FixtureRequest, tmp_path: Path, models: Path) -> Iterator[Service]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    settings = Settings(data=tmp_path / "data", broker_url="file://", database_url=url)
    with served(create_app(settings, Registry(models), Accounts())) as client:
        yield Service(client, settings)


def everything(service: Service, name: str, job: str) -> str:
    """All that a reader can ask about a job whose other readers are hidden."""
    found = service.get(name, f"/v1/jobs/{job}")
    scan = found["scans"]["t1"]
    paths = (
        *(f"/v1/jobs/{job}", "/v1/jobs", "/v1/jobs/counts", "/v1/jobs?verdict=to_review"),
        *("/v1/jobs?reviewer=Ann", "/v1/jobs?verdict=corrected", "/v1/jobs?verdict=rejected"),
        *(f"/v1/jobs/{job}/reviews", f"/v1/jobs/{job}/reviews?reader=Ann"),
        *(f"/v1/jobs/{job}/second-reading", f"/v1/jobs/{job}/second-reading?reader=Ann"),
        *(f"/v1/jobs/{job}/deliveries", f"/v1/scans/{scan}", f"/v1/scans/{scan}/uses"),
        *("/v1/second-readings/agreement", TABLE),
        *("/v1/jobs?unread_by=Bob", "/monai-label/info/", "/monai-label/datastore"),
        *("/monai-label/datastore?output=all", f"/monai-label/datastore/label?label={scan}"),
        f"/monai-label/datastore/label/info?label={scan}",
    )
    answers = [service.call(name, "GET", path).text for path in paths]
    with service.client.stream(
        "GET", f"/v1/jobs/events?id={job}", headers={"Authorization": name}
    ) as events:
        for line in events.iter_lines():
            if line.startswith("data:"):
                answers.append(line)
                break
    return "\n".join(answers)


def test_nothing_of_the_other_reading_is_shown(service: Service) -> None:
    first, second = service.finished(), service.finished()
    for job in (first, second):
        service.put_up(job)
    sent = {"reasons": ["leak"], "comment": SECRETS[0]}
    hidden = service.judge("Ann", first, "rejected", **sent).json()["id"]
    service.correct("Ann", second, 3)
    for name in ("Bob", "Chief"):
        for job in (first, second):
            seen = everything(service, name, job)
            assert [one for one in SECRETS if one in seen] == [], name
    assert len(service.call("Bob", "GET", TABLE).text.splitlines()) == 1
    mine = service.get("Ann", f"/v1/jobs/{second}/reviews")[0]["id"]
    parts = ("mask", "report?reader=Ann", "measurements?reader=Ann")
    compared = (
        f"{second}/comparison?with_review={mine}&reader=Ann",
        f"{first}/comparison?with_job={second}&with_review={mine}",
        f"{second}/comparison?review={mine}",
    )
    for path in (*(f"{second}/reviews/{mine}/{part}" for part in parts), *compared):
        check_problem(service.call("Bob", "GET", f"/v1/jobs/{path}"), 404)
        assert service.call("Ann", "GET", f"/v1/jobs/{path}").status_code == 200
    check_problem(
        service.call("Bob", "POST", f"/v1/jobs/{first}/reviews/{hidden}/withdraw?reader=Ann"), 404
    )
    scan = service.get("Bob", f"/v1/jobs/{second}")["scans"]["t1"]
    gone = service.call("Bob", "DELETE", f"/monai-label/datastore/label?id={scan}")
    check_problem(gone, 404)
    assert service.reading("Ann", second)["mine"] is True
    found = service.reading("Bob", second)
    assert (found["state"], found["given"], found["mine"]) == ("open", 1, False)
    unread = service.get("Ann", "/v1/jobs?reading=open&unread_by=Bob")["jobs"]
    assert unread == [], "the name of the account counts, not the stated one"
    service.call("Ann", "PUT", f"/v1/jobs/{first}/viewers/a")
    open_pages = service.call("Bob", "PUT", f"/v1/jobs/{first}/viewers/b").json()
    assert [one["reader"] for one in open_pages["others"]] == [""]
    # The second reader may not learn from a refusal that somebody else has read.
    assert service.judge("Bob", first, "accepted", seen="").status_code == 201
    assert service.get("Bob", f"/v1/jobs/{first}/reviews")[0]["comment"] == SECRETS[0]


def test_corrections_are_hidden_and_another_reader_corrects(service: Service) -> None:
    """Drafts are those of the account, whatever name is stated."""
    job = service.finished(second_reading={"min_dice": 0.9})
    path = f"/v1/jobs/{job}/draft"
    draft = service.begin_correction("Ann", job, 3, reader="Bob")
    for query in ("", "?reader=Ann", f"?reader=Ann&draft={draft}"):
        check_problem(service.call("Bob", "GET", path + query), 404)
        check_problem(service.call("Bob", "GET", f"{path}/changes{query}"), 404)
        check_problem(service.call("Bob", "DELETE", path + query), 404)
    check_problem(service.save_correction("Bob", job, draft, reviewer="Ann"), 404)
    ours = service.save_correction("Ann", job, draft, reviewer="Bob").json()
    assert (ours["reviewer"], ours["role"]) == ("Ann", "reading")
    assert [one for one in SECRETS if one in everything(service, "Bob", job)] == []
    check_problem(service.call("Bob", "PUT", path, json={"base": ours["id"]}), 404)
    theirs = service.begin_correction("Bob", job, 4)
    assert service.save_correction("Bob", job, theirs, seen="").status_code == 201
    (overlap,) = service.reading("Cem", job)["agreement"]["overlaps"]
    assert overlap["dice"] == pytest.approx(2 * 3 / 7)
    assert service.get("Cem", f"/v1/jobs/{job}")["verdict"] is None
    mine = service.begin_correction("Cem", job, 1, base=ours["id"])
    decided = service.save_correction("Cem", job, mine, adjudicates=True).json()
    assert (decided["role"], decided["base"]) == ("adjudication", ours["id"])
    assert decided["changes"] == [{"label": 1, "added": 0, "removed": 2 * SHAPE[1] * SHAPE[2]}]
    assert service.get("Ann", f"/v1/jobs/{job}")["verdict"] == "corrected"
    assert service.reading("Ann", job)["review"] == mine


def test_masks_are_compared_and_another_reader_decides(service: Service) -> None:
    job = service.finished(second_reading={"min_dice": 0.9})
    service.correct("Ann", job, 2)
    service.correct("Bob", job, 4)
    found = service.reading("Cem", job)
    assert (found["state"], found["may_adjudicate"]) == ("adjudicate", True)
    agreement = found["agreement"]
    assert agreement["readers"] == ["Reader 1", "Reader 2"]
    (overlap,) = agreement["overlaps"]
    assert overlap["dice"] == pytest.approx(2 * 2 / 6)
    assert overlap["labels"] == {"1": pytest.approx(2 * 2 / 6)}
    assert service.get("Cem", f"/v1/jobs/{job}")["verdict"] is None
    assert service.get("Cem", "/v1/jobs/counts")["readings"] == {"adjudicate": 1}
    scan = service.get("Cem", f"/v1/jobs/{job}")["scans"]["t1"]
    info = service.get("Cem", f"/monai-label/datastore/label/info?label={scan}")
    assert "client_id" not in info
    ours = [one["id"] for one in service.get("Cem", f"/v1/jobs/{job}/reviews")]
    decide = {"adjudicates": True, "mask_of": ours[0], "seen": ours[-1]}
    check_problem(service.judge("Ann", job, "corrected", **decide), 403)
    surplus = service.judge("Dora", job, "accepted").json()
    assert surplus["role"] == "surplus"
    check_problem(service.judge("Cem", job, "corrected", **decide), 409)
    decided = service.judge("Cem", job, "corrected", **decide | {"seen": surplus["id"]}).json()
    assert (decided["role"], decided["mask_format"]) == ("adjudication", "nifti")
    assert service.get("Ann", f"/v1/jobs/{job}")["reviewer"] == "Cem"
    assert service.reading("Ann", job)["agreement"]["readers"] == ["Ann", "Bob"]
    mask = service.call("Ann", "GET", f"/v1/jobs/{job}/reviews/{decided['id']}/mask")
    assert (
        mask.content == service.call("Ann", "GET", f"/v1/jobs/{job}/reviews/{ours[0]}/mask").content
    )
    for bad in (
        {"verdict": "corrected"},
        {"verdict": "accepted", "mask_of": ours[0], "adjudicates": True},
    ):
        check_problem(service.judge("Cem", job, **bad), 422)
    # a reading never takes over another reader's mask
    check_problem(service.judge("Eve", job, "corrected", mask_of=ours[0]), 404)


def test_a_disk_that_fails_for_a_moment_is_no_disagreement(service: Service) -> None:
    job = service.finished(second_reading={})
    service.correct("Ann", job, 3)
    with closing(Repository(service.settings.database)) as repository:
        (review,) = repository.reviews.of_job("local", job, None)
    (stored,) = (service.settings.data / "blobs").rglob(str(review.mask_sha256))
    kept = stored.rename(service.settings.data / "kept")
    stored.mkdir()
    service.correct("Bob", job, 4)
    check_problem(service.call("Bob", "GET", f"/v1/jobs/{job}/second-reading"), 503)
    assert service.get("Bob", f"/v1/jobs/{job}")["second_reading"]["state"] == "open"
    stored.rmdir()
    kept.rename(stored)
    assert service.reading("Bob", job)["state"] == "complete"
    assert service.get("Bob", f"/v1/jobs/{job}")["verdict"] == "corrected"


def test_no_reading_is_sent_to_a_peer_before_the_verdict(service: Service, tmp_path: Path) -> None:
    images = classic(voxels(SHAPE), turned())
    job = service.finished([path.read_bytes() for path in write_files(images, tmp_path / "series")])
    service.put_up(job)
    scan = service.get("Chief", f"/v1/jobs/{job}")["scans"]["t1"]
    first = [row[3] for row in service.get("Chief", f"/v1/scans/{scan}")["affine"][:3]]
    probe = {"id": "one", "kind": "probe", "points": [first]}
    mine = service.judge("Ann", job, "accepted", measurements=[probe]).json()["id"]
    send = {"to": ["archive"], "formats": ["dicom-sr"], "review": mine}
    path = f"/v1/jobs/{job}/deliveries"
    check_problem(service.call("Bob", "POST", path, json=send), 404)
    problem = check_problem(service.call("Ann", "POST", path, json=send), 409)
    assert "second reading of the job is not complete" in str(problem["detail"])
    service.judge("Bob", job, "accepted")
    problem = check_problem(service.call("Ann", "POST", path, json=send), 404)
    assert problem["detail"] == "There is no such peer.", "nothing else is wrong any more"


def test_a_tenth_at_random_and_the_agreement_of_its_readers(service: Service) -> None:
    jobs = [service.finished() for _ in range(5)]
    for job in jobs:
        assert service.judge("Ann", job, "accepted").status_code == 201
    request = {"share": 0.6, "seed": 3}
    refused = service.call("Ann", "POST", "/v1/second-readings", json=request)
    assert "readings:manage" in str(check_problem(refused, 403)["detail"])
    order = {"scan": "x", "model": "solid", "second_reading": {}}
    check_problem(service.call("Ann", "POST", "/v1/jobs", json=order), 403)
    filtered = "/v1/second-readings?verdict=accepted&model=solid"
    chosen = service.call("Chief", "POST", filtered, json=request).json()
    assert (len(chosen["jobs"]), chosen["selected"]) == (3, 5)
    check_problem(service.judge("", chosen["jobs"][0], "accepted"), 422)
    for job, verdict in zip(chosen["jobs"], ("accepted", "rejected", "accepted"), strict=True):
        assert service.judge("Bob", job, verdict).status_code == 201
    found = service.get("Chief", "/v1/second-readings/agreement?model=solid")
    assert (found["jobs"], found["not_blind"], found["to_adjudicate"]) == (3, 3, 1)
    assert found["agreement"]["value"] == pytest.approx(2 / 3)
    assert found["kappa"]["value"] == pytest.approx(0)
    assert service.get("Chief", "/v1/second-readings/agreement?model=other")["jobs"] == 0
    both = service.get("Chief", "/v1/second-readings/agreement?reader=Bob&reader=Ann")
    assert both["verdicts"] == [{"first": "accepted", "second": "accepted", "jobs": 2}]
    table = service.call("Chief", "GET", TABLE).text.splitlines()
    assert len(table) == 4
    assert sum("Reader 1" in line for line in table) == 1


def test_looking_early_is_recorded(service: Service) -> None:
    job = service.finished()
    service.put_up(job, readers=3)
    service.judge("Ann", job, "rejected", comment=SECRETS[0])
    check_problem(service.call("Bob", "POST", f"/v1/jobs/{job}/second-reading/unblind"), 403)
    seen = service.call("Chief", "POST", f"/v1/jobs/{job}/second-reading/unblind").json()
    assert seen[0]["comment"] == SECRETS[0]
    assert service.reading("Bob", job)["unblindings"][0]["reader"] == "Chief"
    assert len(service.get("Chief", f"/v1/jobs/{job}/reviews")) == 1
    check_problem(service.call("Opal", "DELETE", f"/v1/jobs/{job}/second-reading"), 403)
    assert service.get("Opal", f"/v1/jobs/{job}/reviews") == [], "a cancellation would show them"
    other = service.finished()
    service.put_up(other)
    cancelled = service.call("Opal", "DELETE", f"/v1/jobs/{other}/second-reading")
    assert cancelled.status_code == 204, "nobody has read it"
    check_problem(service.judge("Chief", job, "accepted"), 403)
    check_problem(
        service.call("Chief", "PUT", f"/v1/jobs/{job}/second-reading", json={"readers": 2}), 409
    )
    service.judge("Bob", job, "rejected")
    assert service.get("Bob", f"/v1/jobs/{job}/reviews?reader=Ann")[0]["reviewer"] == "Bob"
    service.judge("Cem", job, "rejected")
    assert service.get("Bob", f"/v1/jobs/{job}")["verdict"] == "rejected"
    assert len(service.reading("Bob", job)["agreement"]["overlaps"]) == 3


def test_a_batch_puts_a_share_up(service: Service) -> None:
    sent = {"files": ("scan.nii", nifti_bytes(SHAPE, seed=99))}
    scan = service.call("Chief", "POST", "/v1/scans", files=sent).json()["id"]
    order = {"scan": scan, "model": "solid"}
    named = [{**order, "second_reading": {"readers": n}} for n in (3, 4, 3)]
    body = {"jobs": [*named, *[order] * 10], "second_reading": {"share": 0.2, "seed": 1}}
    headers = {"Authorization": "Chief", "Idempotency-Key": "k"}
    for _ in range(2):
        answer = service.client.post("/v1/batches", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
    assert service.get("Chief", "/v1/jobs/counts")["readings"] == {"open": 5}
    jobs = answer.json()["jobs"][:3]
    assert [service.reading("Chief", job)["readers"] for job in jobs] == [3, 4, 3]


def test_without_accounts_the_stated_name_counts(service: Service) -> None:
    """A caller without an account; documentation says that the blinding rests on trust then."""
    job = service.finished()
    service.put_up(job)
    reviews = f"/v1/jobs/{job}/reviews"
    check_problem(service.judge("", job, "rejected"), 422)
    mine = service.judge("", job, "rejected", reviewer="Ann").json()["id"]
    assert service.get("", reviews) == service.get("", f"{reviews}?reader=Bob") == []
    assert [one["id"] for one in service.get("", f"{reviews}?reader=ann")] == [mine]
    assert service.reading("", f"{job}")["mine"] is False
    check_problem(service.call("", "POST", f"{reviews}/{mine}/withdraw"), 404)
    withdrawn = service.call("", "POST", f"{reviews}/{mine}/withdraw?reader=Ann")
    assert withdrawn.json()["withdrawn_at"] is not None
