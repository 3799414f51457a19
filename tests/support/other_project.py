"""Everything that a project can have without a worker, and requests for it by somebody else."""

import json
from contextlib import closing
from typing import Any

import httpx

from jobs.account import ProjectRole
from jobs.repository import Repository
from jobs.settings import Settings
from tests.support.claims import claimed
from tests.support.images import nifti_bytes
from tests.support.route_permissions import NamedRoute
from tests.support.stored_accounts import StoredKeys

IDS = (
    *("scan_id", "job_id", "batch_id", "session_id", "upload_id", "key_id", "login", "review_id"),
    "hold_id",
)
"""Parameters of routes that name something of one project."""
_ACCEPTED = {"verdict": "accepted", "reviewer": "R1"}
_CORRECTED = {"verdict": "corrected", "mask_of": "{review_id}", "reviewer": "R1"}
NAMED_ELSEWHERE: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/jobs/events?id={job_id}", None),
    ("GET", "/v1/jobs?scan={scan_id}", None),
    ("GET", "/v1/jobs?batch={batch_id}", None),
    ("GET", "/v1/jobs/counts?batch={batch_id}", None),
    ("GET", "/v1/jobs/{own}/comparison?with_job={job_id}", None),
    ("GET", "/v1/jobs/{own}/comparison?with_review={review_id}", None),
    ("POST", "/v1/jobs", {"scan": "{scan_id}", "model": "{model}"}),
    ("POST", "/v1/batches", {"jobs": [{"scan": "{scan_id}", "model": "{model}"}]}),
    ("POST", "/v1/assignments", {"assignee": "R1", "jobs": [{"id": "{job_id}"}]}),
    ("POST", "/v1/batch-reviews", {"jobs": [{"id": "{job_id}"}], **_ACCEPTED}),
    ("POST", "/v1/second-readings", {"readers": 2, "jobs": ["{job_id}"]}),
    ("POST", "/v1/scans/uploaded", {"uploads": [{"id": "{upload_id}"}]}),
    ("POST", "/v1/jobs/{own}/reviews", _CORRECTED),
)
"""Method, path with query, and body of requests that name such things outside of the path; `own` is
a finished job of the caller's project, `model` a model."""


def filled_project(
    client: httpx.Client, admin: dict[str, str], settings: Settings, model: str = "solid"
) -> dict[str, str]:
    """Ids of one of each in the administrator's project, by the name in `IDS`."""
    files = {"files": ("scan.nii", nifti_bytes(seed=7))}
    scan = client.post("/v1/scans", files=files, headers=admin).json()["id"]
    order = {"scan": scan, "model": model}
    job = client.post("/v1/jobs", json=order, headers=admin).json()["id"]
    batch = client.post("/v1/batches", json={"jobs": [order]}, headers=admin).json()["id"]
    files = {"files": ("other.nii", nifti_bytes(seed=8))}
    session = client.put("/monai-label/session", files=files, headers=admin).json()["session_id"]
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
    upload = client.post("/v1/uploads", headers=admin | tus).headers["location"]
    key = client.get("/v1/keys", headers=admin).json()["keys"][0]["id"]
    with closing(Repository(settings.database)) as repository:
        held = claimed(repository, job)
        assert repository.leases.finish(
            *(job, held.fence),
            mask_sha256="a" * 64,
            mask_format="nifti",
            preview_sha256=None,
            report={},
        )
    verdict = {"verdict": "accepted"}
    review = client.post(f"/v1/jobs/{job}/reviews", json=verdict, headers=admin).json()["id"]
    hold = {"kind": "scan", "target": scan, "reason": "Case 17."}
    return {
        "hold_id": client.post("/v1/holds", json=hold, headers=admin).json()["id"],
        "scan_id": scan,
        "job_id": job,
        "batch_id": batch,
        "session_id": session,
        "upload_id": upload.rpartition("/")[2],
        "key_id": key,
        "login": "r1",
        "review_id": review,
    }


def both_ids(
    client: httpx.Client, keys: StoredKeys, settings: Settings, model: str = "solid"
) -> tuple[dict[str, str], dict[str, str]]:
    """Ids of what the first project has and ids that nobody has, with `own` of the other one."""
    theirs = filled_project(client, keys.of_role[ProjectRole.ADMINISTRATOR], settings, model)
    own = filled_project(client, keys.other, settings, model)["job_id"]
    nobodys = dict.fromkeys(theirs, "0123456789abcdef0123456789abcdef")
    more = {"own": own, "model": model}
    return theirs | more, nobodys | more


def tried(
    client: httpx.Client, route: NamedRoute, ids: dict[str, str], headers: dict[str, str]
) -> httpx.Response:
    """The response of a route with these ids."""
    path = route.filled(**ids, level="9", row="0", column="0", number="1")
    query: dict[str, Any] = {"draft": "x"} if "number" in route.parameters else {}
    query |= {"low": [0] * 3, "high": [1] * 3} if path.endswith("/assistance") else {}
    tus = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    extra = tus if "upload_id" in route.parameters else {}
    given = headers | extra
    return client.request(route.method, path, headers=given, json=route.body, params=query)


def named_elsewhere(
    client: httpx.Client,
    request: tuple[str, str, Any],
    ids: dict[str, str],
    headers: dict[str, str],
) -> httpx.Response:
    """The response to one of `NAMED_ELSEWHERE` with these ids, `own` and `model`."""
    method, path, body = request
    text = json.dumps([path, body])
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    path, body = json.loads(text)
    return client.request(method, path, headers=headers, json=body)
