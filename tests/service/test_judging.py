"""Verdicts of several readers over HTTP: reasons, withdrawals, unseen reviews, open pages."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import update

import tessera_client
from jobs.job import Job
from jobs.repository import Repository
from jobs.repository.schema.reading_tables import viewers
from jobs.repository.schema.review_tables import reviews
from jobs.review import WITHDRAWAL_S, Reason
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth import Caller, HttpCaller, Permission, Principal
from tests.support.answers import check_problem
from tests.support.claims import claimed
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.served_app import served


@pytest.fixture(params=["sqlite", "postgres"])
def judged(request: pytest.FixtureRequest, start_gateway: Start) -> tuple[Gateway, str]:
    """A gateway on each database, and the path of a finished job."""
    settings = {}
    if request.param == "postgres":
        settings["database_url"] = request.getfixturevalue("postgres_url")
    gateway = start_gateway(**settings)
    return gateway, f"/v1/jobs/{finished(gateway).id}"


def finished(gateway: Gateway) -> Job:
    scan = gateway.scan(nifti_bytes(seed=81))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    return run_job(gateway, job, np.ones((5, 6, 7), np.uint8))


def test_a_rejection_has_reasons(judged: tuple[Gateway, str]) -> None:
    gateway, path = judged
    sent = {"verdict": "rejected", "reasons": [reason.value for reason in Reason]}
    answer = gateway.client.post(f"{path}/reviews", json=sent)
    assert answer.status_code == 201
    (review,) = gateway.client.get(f"{path}/reviews").json()
    assert review == answer.json()
    assert review["reasons"] == sent["reasons"]
    for bad in (
        {"verdict": "rejected", "reasons": ["ugly"]},
        {"verdict": "rejected", "reasons": ["leak", "leak"]},
        {"verdict": "rejected", "reasons": "leak"},
        {"verdict": "accepted", "reasons": ["leak"]},
        {"verdict": "accepted", "seen": "a b"},
    ):
        check_problem(gateway.client.post(f"{path}/reviews", json=bad), 422)
    assert len(gateway.client.get(f"{path}/reviews").json()) == 1


def test_an_unseen_review_is_not_replaced_but_old_clients_go_on(
    judged: tuple[Gateway, str],
) -> None:
    """An earlier `tessera-client` does not say what it has seen, and knows no reasons."""
    gateway, path = judged

    def judge(verdict: str, **more: str) -> httpx.Response:
        return gateway.client.post(f"{path}/reviews", json={"verdict": verdict, **more})

    first = judge("accepted", reviewer="B", seen="").json()
    problem = check_problem(judge("rejected", seen=""), 409)
    assert problem["type"] == "urn:tessera:newer-review"
    assert gateway.client.get(path).json()["verdict"] == "accepted"
    assert judge("rejected", seen=first["id"]).status_code == 201
    with tessera_client.Client(str(gateway.client.base_url)) as client:
        job = path.rpartition("/")[2]
        last = client.review(job, "rejected", reviewer="script", reasons=["leak"])
        assert (last.reasons, last.withdrawn_at) == (("leak",), None)
        assert client.withdraw_review(job, last.id).withdrawn_at is not None
        client.review(job, "accepted")
        assert len(client.reviews(job)) == 4
    check_problem(judge("rejected", seen=first["id"]), 409)


def test_a_verdict_is_withdrawn_for_five_minutes(judged: tuple[Gateway, str]) -> None:
    gateway, path = judged
    review = gateway.client.post(f"{path}/reviews", json={"verdict": "accepted"}).json()
    withdraw = f"{path}/reviews/{review['id']}/withdraw"
    withdrawn = gateway.client.post(withdraw)
    assert withdrawn.status_code == 200
    assert withdrawn.json()["withdrawn_at"] is not None
    assert gateway.client.get(path).json()["verdict"] is None
    assert gateway.client.get(f"{path}/reviews").json() == [withdrawn.json()]
    assert gateway.client.post(withdraw).json() == withdrawn.json()
    late = gateway.client.post(f"{path}/reviews", json={"verdict": "rejected"}).json()
    with gateway.repository() as repository, repository.database.write() as connection:
        before = reviews.c.created_at - WITHDRAWAL_S - 1
        this = reviews.c.id == late["id"]
        connection.execute(update(reviews).where(this).values(created_at=before))
    problem = check_problem(gateway.client.post(f"{path}/reviews/{late['id']}/withdraw"), 409)
    assert "5 minutes" in str(problem["detail"])
    assert gateway.client.get(path).json()["verdict"] == "rejected"
    check_problem(gateway.client.post(f"{path}/reviews/none/withdraw"), 404)


def test_open_pages_are_shown_to_each_other(judged: tuple[Gateway, str]) -> None:
    gateway, path = judged
    one, two = f"{path}/viewers/one", f"{path}/viewers/two"
    assert gateway.client.put(one, json={"reader": "Dr. B"}).json() == {"account": "", "others": []}
    (other,) = gateway.client.put(two).json()["others"]
    assert other["reader"] == "Dr. B"
    review = gateway.client.post(f"{path}/reviews", json={"verdict": "accepted"})
    assert review.status_code == 201, "nobody is blocked"
    assert gateway.client.delete(one).status_code == 204
    assert gateway.client.delete(one).status_code == 204
    assert gateway.client.put(two).json()["others"] == []
    gateway.client.put(one)
    with gateway.repository() as repository, repository.database.write() as connection:
        connection.execute(update(viewers).values(until=1.0))  # no page has reported for long
    assert gateway.client.put(two).json()["others"] == []
    for bad in ({"reader": "x" * 201}, {"reader": "\0"}, {"name": "B"}):
        check_problem(gateway.client.put(one, json=bad), 422)
    check_problem(gateway.client.put(f"{path}/viewers/a b"), 422)


class Accounts:
    """Callers state the name of their account; all are in one project."""

    def authenticate(self, caller: Caller) -> Principal:
        name = caller.authorization if isinstance(caller, HttpCaller) else ""
        return Principal(name or "task", "local", frozenset(Permission), reader=name)


@pytest.fixture
def with_accounts(tmp_path: Path, models: Path) -> Iterator[tuple[httpx.Client, str]]:
    """A gateway with accounts, and the path of a job that has a mask."""
    settings = Settings(data=tmp_path / "data", broker_url="file://")
    app = create_app(settings, Registry(models), Accounts())
    with served(app) as client:
        sent = {"files": ("scan.nii", nifti_bytes(seed=82))}
        scan = client.post("/v1/scans", files=sent).json()["id"]
        job = client.post("/v1/jobs", json={"scan": scan, "model": "solid"}).json()["id"]
        with closing(Repository(settings.database)) as repository:
            held = claimed(repository, job)
            assert repository.leases.finish(
                *(job, held.fence),
                mask_sha256="a" * 64,
                mask_format="nifti",
                preview_sha256=None,
                report={},
            )
        yield client, f"/v1/jobs/{job}"


def test_names_come_from_accounts(with_accounts: tuple[httpx.Client, str]) -> None:
    client, path = with_accounts
    ada, bob = {"Authorization": "Ada"}, {"Authorization": "Bob"}
    sent = {"verdict": "accepted", "reviewer": "Somebody Else"}
    review = client.post(f"{path}/reviews", json=sent, headers=ada).json()
    assert review["reviewer"] == "Ada"
    client.put(f"{path}/viewers/a", json={"reader": "Somebody Else"}, headers=ada)
    seen = client.put(f"{path}/viewers/b", headers=bob).json()
    assert (seen["account"], seen["others"][0]["reader"]) == ("Bob", "Ada")
    withdraw = f"{path}/reviews/{review['id']}/withdraw"
    check_problem(client.post(withdraw, headers=bob), 403)
    assert client.post(withdraw, headers=ada).status_code == 200
