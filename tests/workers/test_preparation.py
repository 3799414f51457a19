"""A worker that starts prepares its networks; no job is delayed by those of other models."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.progress_bar import PREPARING
from inference import session_cache
from inference.engine import Engine
from inference.run_context import RunContext
from models.registry import Registry
from tests.support.convolutions import network
from tests.support.processes import MAIN
from tests.support.reference_cases import add_reference, one_pass, smooth_noise
from tests.support.waiting import until
from workers.machine_turn import machine_turn
from workers.preparation import Preparation

DEEP, SMALL = "a-deep", "b-small"
"""In the order in which they are prepared: measuring the first one takes seconds."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    network(tmp_path / "models" / DEEP, DEEP, 24, layers=8)
    network(tmp_path / "models" / SMALL, SMALL, 4)
    return Registry(tmp_path / "models", zoo=tmp_path / "none")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that were measured to the end."""
    done: list[str] = []
    measure = session_cache.measure

    def counted(session: Any, card: Any, token: Any) -> Any:
        measurement = measure(session, card, token)
        done.append(card.name)
        return measurement

    monkeypatch.setattr(session_cache, "measure", counted)
    return done


@pytest.fixture
def engine(registry: Registry, tmp_path: Path) -> Engine:
    return Engine(registry, "cpu", threads=1, cache=tmp_path / "cache")


@pytest.fixture
def preparation(engine: Engine, tmp_path: Path) -> Iterator[Preparation]:
    made = Preparation(engine, tmp_path / "cache")
    yield made
    made.stop()


def is_preparing(preparation: Preparation, model: str) -> bool:
    current = preparation._current
    return current is not None and current.step.model.card.name == model


@pytest.mark.slow
def test_a_job_of_another_model_goes_first(
    preparation: Preparation, engine: Engine, registry: Registry, measured: list[str]
) -> None:
    preparation.start()
    until(lambda: is_preparing(preparation, DEEP))
    with preparation.making_way(SMALL):
        engine.prepare(registry.network(SMALL))
        until(lambda: not is_preparing(preparation, DEEP))  # what it has begun may have to end
        assert measured == [SMALL]
    until(lambda: DEEP in measured)  # it starts again when the worker is idle
    assert measured == [SMALL, DEEP]


@pytest.mark.slow
def test_a_job_of_the_same_model_waits_for_that_one_alone(
    preparation: Preparation, engine: Engine, registry: Registry, measured: list[str]
) -> None:
    preparation.start()
    until(lambda: is_preparing(preparation, DEEP))
    told: list[bool] = []
    with preparation.making_way(DEEP):
        engine.prepare(registry.network(DEEP), RunContext(on_preparing=told.append))
        assert measured == [DEEP]  # once, and no other network
    assert told[0] is True
    assert told[-1] is False
    until(lambda: len(measured) == 2)
    assert measured == [DEEP, SMALL]


@pytest.mark.slow
def test_a_model_that_is_added_later_is_prepared(
    preparation: Preparation, registry: Registry, measured: list[str], tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Even after one that cannot be loaded; those that were prepared before are not again."""
    caplog.set_level("INFO", "workers.preparation")
    preparation.start()
    until(lambda: len(measured) == 2)
    network(tmp_path / "damaged", "damaged", 4)
    (tmp_path / "damaged" / "model.onnx").write_bytes(b"no network")
    (tmp_path / "damaged").rename(tmp_path / "models" / "damaged")
    until(lambda: "preparation: damaged: The network of damaged has the SHA-256" in caplog.text)
    network(tmp_path / "source", "late", 5)
    registry.add(tmp_path / "source")
    until(lambda: "late" in measured)
    assert measured == [DEEP, SMALL, "late"]


@pytest.mark.slow
def test_workers_of_a_machine_take_turns(
    preparation: Preparation, engine: Engine, registry: Registry, measured: list[str],
    tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """While another worker prepares, this one waits; then it finds the results."""
    caplog.set_level("INFO", "workers.preparation")
    other = Engine(registry, "cpu", threads=1, cache=tmp_path / "cache")
    with machine_turn(tmp_path / "cache") as own:
        assert own
        with machine_turn(tmp_path / "cache") as second:
            assert not second
        preparation.start()
        for model in other.networks():
            other.prepare(model)
        assert measured == [DEEP, SMALL]
    until(lambda: "preparation: 0 networks were prepared" in caplog.text)
    assert measured == [DEEP, SMALL]


def test_a_turn_can_be_waited_for(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with machine_turn(tmp_path, wait=True) as own:
            order.append(f"second {own}")

    waiting = threading.Thread(target=second)
    with machine_turn(tmp_path):
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second True"]


def test_a_folder_that_cannot_be_written_gives_everyone_a_turn(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = tmp_path / "file" / "cache"
    with machine_turn(cache) as first, machine_turn(cache) as second:
        assert first
        assert second


@pytest.mark.slow
def test_a_worker_prepares_the_shipped_models_and_its_own(
    idle_cluster: Any, tmp_path: Path
) -> None:
    cache = tmp_path / "fresh"
    worker = idle_cluster.worker(TESSERA_CACHE=str(cache))
    names = [model.card.name for model in Registry(idle_cluster.settings.added_models).all()]
    assert {"small", "hippocampus-mri-3d"} < set(names)
    until(lambda: f"{len(names)} networks were prepared" in worker.said)
    assert len(list((cache / "measured").iterdir())) == len(names)
    idle_cluster.network(tmp_path / "source", "late", 6)
    Registry(idle_cluster.settings.added_models).add(tmp_path / "source")
    until(lambda: "preparation: late took" in worker.said)
    worker.end()
    again = idle_cluster.worker(TESSERA_CACHE=str(cache))
    until(lambda: "0 networks were prepared" in again.said)


@pytest.mark.slow
@pytest.mark.process
def test_the_api_and_the_command_see_a_preparation(idle_cluster: Any, tmp_path: Path) -> None:
    """The first job of a fresh worker, ordered with `tessera segment --server`. The worker has no
    turn to prepare in the background, so that it cannot come first."""
    cluster = idle_cluster
    card = cluster.network(cluster.settings.added_models / "deep", "deep", 24, layers=8)
    scan = cluster.noise(tmp_path / "small.nii", 24)
    with machine_turn(tmp_path / "fresh"), cluster.gateway() as (client, _):
        cluster.worker(TESSERA_CACHE=str(tmp_path / "fresh"))
        cluster.until(lambda: cluster.ready() == 1)
        command = ["segment", str(scan), "--model", card.name, "-o", str(tmp_path / "mask.nii.gz")]
        command = [sys.executable, "-P", "-c", MAIN, *command, "--server", str(client.base_url)]
        env = os.environ | {"TESSERA_DATA": str(tmp_path / "none")}
        seen: list[dict[str, Any]] = []
        with (tmp_path / "stderr").open("w") as stderr:
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr, env=env)

            def ended() -> bool:
                seen.extend(client.get("/v1/jobs").json()["jobs"])
                return process.poll() is not None

            until(ended)
        assert (tmp_path / "stderr").read_text().count(PREPARING) == 1
        (last,) = client.get("/v1/jobs").json()["jobs"]
    states = {job["state"] for job in seen if job["progress"]["preparing"]}
    assert states == {"running"}
    assert (last["state"], last["progress"]["preparing"]) == ("succeeded", False)


@pytest.mark.slow
def test_every_job_goes_before_a_reference_case(
    registry: Registry, preparation: Preparation, engine: Engine, tmp_path: Path
) -> None:
    values = smooth_noise(64)
    deep = tmp_path / "models" / DEEP
    mask = one_pass(deep / "model.onnx", values[:32, :32, :32])
    model = add_reference(deep, values, np.pad(mask, (0, 32)))
    preparation.start()
    until(lambda: engine.is_prepared(registry.network(SMALL)) and is_preparing(preparation, DEEP))
    with preparation.making_way(DEEP):  # a job of the same model
        until(lambda: not is_preparing(preparation, DEEP))
        assert not engine.is_verified(model)
    until(lambda: engine.is_verified(model))
