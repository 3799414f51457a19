"""A real gateway with MONAI Label on a second port, a real worker and small real networks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from models.card import ModelCard
from models.card_parts import Label
from tests.support.cards import card
from tests.support.convolutions import network
from tests.support.gateway import start
from tests.support.monai_label import FRIEND, SMALL, SPARSE, Served
from tests.support.ports import free_port
from tests.support.processes import start_worker, stop


def _sparse(models: Path) -> ModelCard:
    """The small network with label values that are not contiguous."""
    plain = network(models / SPARSE, SPARSE, 4)
    sparse = plain.model_copy(
        update={
            "labels": (
                Label(value=7, name="late", color="#00ff00"),
                Label(value=3, name="early", color="#ff0000"),
            ),
            "outputs": (0, 3, 7),
        }
    )
    sparse.save(models / SPARSE / "card.json")
    return sparse


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The running interface. Each test uses images of its own."""
    folder = tmp_path_factory.mktemp("monai")
    models, data, port = folder / "models", folder / "data", free_port()
    network(models / SMALL, SMALL, 4)
    _sparse(models)
    for one in (card("contrasts", 3, "t1", "t2"), card("broken", 3, "t1")):
        (models / one.name).mkdir()
        one.save(models / one.name / "card.json")
    gateway = start(data, models=str(models), monai_label_port=str(port), allowed_origins=FRIEND)
    settings = {"models": str(models), "threads": "1"}
    worker = start_worker(data, folder / "worker.log", **settings)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
        yield Served(gateway, port, http, folder)
    stop(worker)
    gateway.stop()
