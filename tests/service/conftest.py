"""Gateways for the tests of the HTTP interface."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from tests.support.cards import write_cards
from tests.support.gateway import UPLOAD_LIMIT, Gateway, Start, start
from tests.support.served_app import served
from tests.support.stored_accounts import StoredKeys, settings_in, stored_keys


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cards alone: the gateway needs no networks."""
    return write_cards(tmp_path_factory.mktemp("models"))


@pytest.fixture
def start_gateway(tmp_path: Path, models: Path) -> Iterator[Start]:
    """Starts gateways of the test's own; all are stopped after it."""
    started: list[Gateway] = []

    def one(data: Path = tmp_path / "data", prelude: str = "", **settings: str) -> Gateway:
        started.append(start(data, prelude, None, **{"models": str(models), **settings}))
        return started[-1]

    yield one
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Gateway]:
    """One gateway for all tests that leave it as they found it."""
    data = tmp_path_factory.mktemp("gateway") / "data"
    running = start(data, models=str(models), max_upload_bytes=str(UPLOAD_LIMIT))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the module's own application, which needs no other process."""
    return settings_in(tmp_path_factory.mktemp("accounts"))


@pytest.fixture(scope="module")
def keys(settings: Settings) -> StoredKeys:
    """Keys of two projects in the application's database."""
    return stored_keys(settings)


@pytest.fixture(scope="module")
def app(settings: Settings, keys: StoredKeys, models: Path) -> FastAPI:
    """An application with accounts."""
    assert keys, "the database has accounts before the gateway starts"
    return create_app(settings, Registry(models))


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[httpx.Client]:
    """The application runs for all tests of the module that leave its keys as they are."""
    with served(app) as running:
        yield running
