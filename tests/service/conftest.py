"""Gateways for the tests of the HTTP interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cards import write_cards
from tests.support.gateway import UPLOAD_LIMIT, Gateway, Start, start


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
