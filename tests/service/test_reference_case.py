"""Jobs of a service report whether the model's reference case passes on the worker's machine."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from inference.engine import Engine
from models.registry import Registry
from tests.support.convolutions import network
from tests.support.gateway import Gateway, start
from tests.support.processes import start_worker, stop
from tests.support.reference_cases import add_reference, nifti, one_pass, smooth_noise
from tests.support.waiting import until

SIDE = 24


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway and a worker with two models: `right`, and `wrong`, whose reference mask has its
    two labels exchanged."""
    models, values = tmp_path / "models", smooth_noise(SIDE)
    for name in ("right", "wrong"):
        network(models / name, name, 4)
        mask = one_pass(models / name / "model.onnx", values)
        given = mask if name == "right" else np.where(mask > 0, 3 - mask, 0).astype(np.uint8)
        add_reference(models / name, values, given)
    engine = Engine(Registry(models, zoo=models / "none"), "cpu", cache=tmp_path / "cache")
    outcomes = [engine.verify(model)[-1] for model in engine.networks()]
    assert [outcome.passed for outcome in outcomes] == [True, False]
    gateway = start(tmp_path / "data", models=str(models))
    settings = {"models": str(models), "cache": str(tmp_path / "cache")}
    worker = start_worker(gateway.data, tmp_path / "worker.log", **settings)
    yield gateway
    stop(worker)
    gateway.stop()


def finished(served: Gateway, job: str) -> bool:
    return bool(served.client.get(f"/v1/jobs/{job}").json()["state"] == "succeeded")


@pytest.mark.slow
@pytest.mark.process
def test_a_job_of_a_model_that_fails_says_so(served: Gateway) -> None:
    scan = served.scan(nifti(smooth_noise(SIDE, seed=9)))
    for model, outcome in (("right", "passed"), ("wrong", "failed")):
        job = served.job(model=model, scan=scan)["id"]
        until(partial(finished, served, job))
        report = served.client.get(f"/v1/jobs/{job}/report").json()
        assert report["reference"] == outcome
        warnings = [text for text in report["warnings"] if "reference case" in text]
        assert len(warnings) == (outcome == "failed")
