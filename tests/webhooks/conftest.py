"""Endpoints and a database for the tests of webhooks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.repository import Repository
from service.resources.webhook_endpoint import WebhookEndpoint
from tests.support.migrated import migrated
from tests.support.webhook_receiver import SECRET

MadeEndpoint = Callable[..., WebhookEndpoint]


@pytest.fixture
def endpoint_at(monkeypatch: pytest.MonkeyPatch) -> MadeEndpoint:
    """Makes an endpoint at a port of this machine, which must be allowed."""
    monkeypatch.setenv("RIS_SECRET", SECRET)

    def made(port: int, **keys: Any) -> WebhookEndpoint:
        values = {"name": "ris", "secret_env": "RIS_SECRET", "private": True, **keys}
        return WebhookEndpoint(url=values.pop("url", f"http://127.0.0.1:{port}/hook"), **values)

    return made


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    found = migrated(f"sqlite:///{tmp_path / 'tessera.db'}")
    yield found
    found.close()
