"""A gateway with a worker, for the client."""

from collections.abc import Iterator

import pytest

from tests.support.convolutions import network
from tests.support.gateway import Gateway, start
from tests.support.processes import start_worker, stop

MODEL = "small"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway and a worker with the model `small`."""
    folder = tmp_path_factory.mktemp("client")
    network(folder / "models" / MODEL, MODEL, 4)
    gateway = start(folder / "data", models=str(folder / "models"))
    log = gateway.log.with_suffix(".worker.log")
    worker = start_worker(gateway.data, log, models=str(folder / "models"))
    yield gateway
    stop(worker)
    gateway.stop()
