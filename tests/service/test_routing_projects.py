"""Peers and webhooks of projects: those of others are as unknown as those that do not exist."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs.account import ProjectRole
from models.registry import Registry
from service.app import create_app
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.served_app import served
from tests.support.stored_accounts import StoredKeys, settings_in, stored_keys
from tests.support.webhook_receiver import SECRET

TABLE = """
[[peer]]
name = "theirs"
dicomweb = "http://127.0.0.1:1"
projects = ["local", "typo"]

[[peer]]
name = "shared"
dicomweb = "http://127.0.0.1:1"

[[webhook]]
name = "theirs"
url = "http://127.0.0.1:1/"
private = true
secret_env = "RIS_SECRET"
projects = ["local"]
"""
NAMING_A_TABLE: tuple[tuple[int, str, str, Any], ...] = (
    (404, "GET", "/v1/peers/{name}/health", None),
    (404, "GET", "/v1/peers/{name}/series", None),
    (404, "POST", "/v1/scans/pull", {"from": "{name}", "series": "1.2.3"}),
    (404, "POST", "/v1/jobs/{job}/deliveries", {"to": ["{name}"]}),
    (404, "POST", "/v1/webhooks/{name}/test", None),
    (200, "GET", "/v1/webhooks/messages?webhook={name}", None),
    (202, "POST", "/v1/webhooks/messages/resend?webhook={name}", None),
)
"""Status, method, path with query, and body of requests that name a peer or a webhook."""


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, models: Path
) -> Iterator[tuple[httpx.Client, StoredKeys]]:
    """A gateway with a table for the first project, and with keys of two."""
    folder = tmp_path_factory.mktemp("routing")
    table = folder / "routes.toml"
    table.write_text(TABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIS_SECRET", SECRET)
        settings = settings_in(folder).model_copy(update={"routing_table": table})
        keys = stored_keys(settings)
        with served(create_app(settings, Registry(models))) as client:
            yield client, keys


@pytest.fixture(scope="module")
def job(gateway: tuple[httpx.Client, StoredKeys]) -> str:
    """A job of the second project, whose results could be delivered."""
    client, keys = gateway
    files = [("files", (f"{n}.dcm", as_bytes(one))) for n, one in enumerate(series(4))]
    scan = client.post("/v1/scans", files=files, headers=keys.other).json()["id"]
    order = {"scan": scan, "model": "solid"}
    return str(client.post("/v1/jobs", json=order, headers=keys.other).json()["id"])


def test_lists_have_what_is_for_the_project(gateway: tuple[httpx.Client, StoredKeys]) -> None:
    client, keys = gateway
    admin = keys.of_role[ProjectRole.ADMINISTRATOR]
    names = [
        [one["name"] for one in client.get(path, headers=headers).json()]
        for headers in (admin, keys.other)
        for path in ("/v1/peers", "/v1/webhooks")
    ]
    assert names == [["theirs", "shared"], ["theirs"], ["shared"], []]


@pytest.mark.parametrize("request_", NAMING_A_TABLE, ids=lambda one: f"{one[1]} {one[2]}")
def test_what_is_for_others_is_as_unknown_as_any(
    gateway: tuple[httpx.Client, StoredKeys], job: str, request_: tuple[int, str, str, Any]
) -> None:
    client, keys = gateway
    status, method, path, body = request_
    theirs, nobodys = (
        client.request(
            method,
            path.replace("{name}", name).replace("{job}", job),
            json=body and {key: _named(value, name) for key, value in body.items()},
            headers=keys.other,
        )
        for name in ("theirs", "nobody")
    )
    assert theirs.status_code == nobodys.status_code == status, theirs.text
    assert theirs.text == nobodys.text
    assert set(theirs.headers) == set(nobodys.headers)


def test_a_peer_for_all_projects_is_known(
    gateway: tuple[httpx.Client, StoredKeys], job: str
) -> None:
    client, keys = gateway
    deliveries = f"/v1/jobs/{job}/deliveries"
    sent = client.post(deliveries, json={"to": ["shared"]}, headers=keys.other)
    assert sent.status_code == 202, sent.text
    both = client.post(deliveries, json={"to": ["shared", "theirs"]}, headers=keys.other)
    assert both.status_code == 404
    listed = client.get(deliveries, headers=keys.other).json()
    assert {one["to"] for one in listed} == {"shared"}


def _named(value: Any, name: str) -> Any:
    return [name] if isinstance(value, list) else value.replace("{name}", name)
