"""A network is compiled, measured and checked once on a machine; who waits for that is told."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import JobLost
from imaging.scan import in_memory
from inference import precision_gate, session_cache
from inference.cancellation import CancelToken
from inference.engine import Engine
from inference.run_context import RunContext
from inference.sample_scans import sample_scans
from inference.waiting_locks import KeyedLocks
from models.card_parts import Sample
from models.nets.config import UNetConfig
from models.registry import Model, Registry
from tests.support.waiting import until

SMALL = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same")


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("prepared", SMALL, sample=Sample(kind="noise", shape=(24, 24, 24)))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by a word at every measurement, and whenever a sample is opened for a check."""
    done: list[str] = []
    measure, open_sample = session_cache.measure, precision_gate.sample_scans  # type: ignore[attr-defined]

    def counted_measure(*values: object) -> object:
        done.append("measure")
        return measure(*values)  # type: ignore[arg-type]

    def counted_sample(*values: object) -> object:
        done.append("check")
        return open_sample(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(session_cache, "measure", counted_measure)
    monkeypatch.setattr(precision_gate, "sample_scans", counted_sample)
    return done


def engine_of(model: Model, cache: Path) -> Engine:
    return Engine(Registry(model.folder.parent, zoo=model.folder / "none"), threads=1, cache=cache)


@pytest.mark.parametrize("how", ["prepare", "job"])
def test_a_second_process_measures_and_checks_nothing(
    how: str, model: Model, work: list[str], tmp_path: Path
) -> None:
    """Neither after a job nor after `tessera models add`, which calls `prepare`."""
    scans = sample_scans(model)
    first: list[bool] = []
    cold = engine_of(model, tmp_path)
    assert not cold.is_prepared(model)
    steps: list[tuple[str, int, int]] = []
    context = RunContext(on_preparing=first.append, on_preparation=lambda *step: steps.append(step))
    if how == "prepare":
        cold.prepare(model, context)
    else:
        cold.run(scans, model, context=context)
    assert first[0] is True
    assert first[-1] is False
    assert "measure" in work
    assert ("measuring", 0, 0) in steps
    assert steps[0][0].startswith("compiling for ")
    assert cold.is_prepared(model)

    work.clear()
    warm, second = engine_of(model, tmp_path), list[bool]()
    assert warm.is_prepared(model)
    warm.run(scans, model, context=RunContext(on_preparing=second.append))
    assert work == []
    assert True not in second


def test_a_network_without_a_sample_is_not_prepared_again_and_again(
    make_model: Callable[..., Model], tmp_path: Path
) -> None:
    model = make_model("plain", SMALL)
    model = replace(model, card=model.card.model_copy(update={"sample": None}))
    scans = {"image": in_memory(np.zeros((1, 24, 24, 24), np.float32), (1.0, 1.0, 1.0))}
    engine_of(model, tmp_path).run(scans, model)
    told: list[bool] = []
    engine_of(model, tmp_path).run(scans, model, context=RunContext(on_preparing=told.append))
    assert True not in told


def test_without_a_cache_each_process_measures(model: Model, work: list[str]) -> None:
    for _ in range(2):
        work.clear()
        Engine(Registry(model.folder.parent), "cpu", threads=1).prepare(model)
        assert work == ["measure"]


def test_a_run_that_waits_says_so_once_and_can_be_cancelled() -> None:
    locks, entered, leave = KeyedLocks(), threading.Event(), threading.Event()

    def hold() -> None:
        with locks.holding("a", RunContext()):
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    try:
        told: list[bool] = []
        with locks.holding("b", RunContext(on_preparing=told.append)):
            assert told == []  # another network is nobody's concern
        token, ended = CancelToken(), list[Exception]()

        def wait() -> None:
            try:
                with locks.holding("a", RunContext(token=token, on_preparing=told.append)):
                    pass
            except JobLost as error:
                ended.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: told == [True])
        token.cancel()
        waiting.join()
        assert len(ended) == 1
        assert told == [True]
    finally:
        leave.set()
        holder.join()


def test_a_cancelled_measurement_is_not_kept(model: Model, tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    engine = engine_of(model, tmp_path)
    with pytest.raises(JobLost):
        engine.prepare(model, RunContext(token=token))
    assert not engine.is_prepared(model)
    engine.prepare(model)
    assert engine.is_prepared(model)
