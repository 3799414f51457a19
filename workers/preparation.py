"""Prepares networks in the background, so that no user's first job has to wait for it.

A worker that starts compiles, measures and checks the networks whose results are not kept on its
machine, one after another and only while it has no job. Then it looks for added models:

    start      A ...... B ...  cancelled   B ........ C ....      D ....
    jobs                     [ job for C ]
    models                                                    D is added

A job of another model cancels the preparation that runs; it starts again when the worker is idle.
A job of the same model lets it continue: the engine makes the job wait for that one alone.

Then the reference cases of imported models are run, which may take minutes. No job waits for them:
every job cancels the one that runs.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import JobLost, TesseraError
from inference.cancellation import CancelToken
from inference.engine import Engine, Model
from inference.run_context import RunContext
from workers.machine_turn import machine_turn

log = logging.getLogger(__name__)

_IDLE_S = 1.0
"""How long a worker is without a job before preparation continues, in seconds."""
_POLL_S = 0.5
"""How often a worker looks whether another one on this machine still prepares, in seconds."""
_LOOK_S = 2.0
"""How often a worker looks whether models were added or changed, in seconds."""
_STOP_S = 5.0
"""How long a worker that shuts down waits for the preparation to end, in seconds."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What a worker does for a model while it has no job."""

    model: Model
    is_done: Callable[[Model], bool]
    """Whether the results are kept on this machine."""
    run: Callable[[Model, RunContext], None]
    jobs_wait: bool = True
    """Whether jobs of the model wait for it, because they need its results."""

    def serves(self, needed: frozenset[str]) -> bool:
        """Whether a job that needs the models of these names lets it continue."""
        return self.jobs_wait and self.model.card.full_name in needed


@dataclass(frozen=True, slots=True)
class _Current:
    step: _Step
    token: CancelToken


class Preparation:
    """A thread that prepares networks while the worker is idle."""

    def __init__(self, engine: Engine, cache: Path) -> None:
        """`cache`: folder of the results; the workers of a machine take turns in it."""
        self._engine, self._cache = engine, cache
        self._changed = threading.Condition()
        self._jobs, self._job_ended_at = 0, -math.inf
        self._current: _Current | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="preparation", daemon=True)

    def start(self) -> None:
        """Begins with the first network."""
        self._thread.start()

    def stop(self) -> None:
        """Cancels the preparation that runs and ends the thread."""
        with self._changed:
            self._stopped = True
            self._cancel_current()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)  # a library that compiles cannot be interrupted

    @contextmanager
    def making_way(self, model: str) -> Iterator[None]:
        """A context in which a job of `model` runs: no preparation of a network that it does not
        need does."""
        needed = self._engine.names_of_job(model)
        with self._changed:
            self._jobs += 1
            if self._current is not None and not self._current.step.serves(needed):
                self._cancel_current()
        try:
            yield
        finally:
            with self._changed:
                self._jobs -= 1
                self._job_ended_at = time.monotonic()
                self._changed.notify_all()

    def _run(self) -> None:
        """Prepares the models, and again whenever one was added or changed."""
        revision: object = None
        while not self._stopped:
            if revision != (revision := self._engine.models_revision()):
                self._prepare_all()
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, _LOOK_S)

    def _prepare_all(self) -> None:
        """Prepares the networks whose results are not kept."""
        try:
            models = self._engine.networks()
            steps = [_Step(model, self._engine.is_prepared, self._prepare) for model in models]
            log.info("preparation: %d networks were prepared", sum(map(self._do, steps)))
            for model in models:
                self._do(_Step(model, self._engine.is_verified, self._verify, jobs_wait=False))
        except Exception:  # jobs prepare their own networks
            log.exception("preparation: failed")

    def _do(self, step: _Step) -> bool:
        """Runs a step as soon as the worker is idle; False where there is nothing to do."""
        while not self._stopped and not step.is_done(step.model):
            with self._running(step) as token, machine_turn(self._cache) as own_turn:
                if own_turn and token is not None and self._finished(step, token):
                    return True
            if not own_turn:
                time.sleep(_POLL_S)
        return False

    def _finished(self, step: _Step, token: CancelToken) -> bool:
        """False where a job came first."""
        began = time.monotonic()
        try:
            step.run(step.model, RunContext(token=token))
        except JobLost:
            return False
        except (TesseraError, MemoryError) as error:  # its jobs will report this
            log.warning("preparation: %s: %s", step.model.card.full_name, error)
        else:
            seconds = time.monotonic() - began
            log.info("preparation: %s took %.1f s", step.model.card.full_name, seconds)
        return True

    def _prepare(self, model: Model, context: RunContext) -> None:
        self._engine.prepare(model, context).loaded.session.release_memory()

    def _verify(self, model: Model, context: RunContext) -> None:
        outcome = self._engine.verify(model, context=context)[-1]
        if outcome.failure:
            log.warning("reference case of %s: %s", model.card.full_name, outcome.failure)

    @contextmanager
    def _running(self, step: _Step) -> Iterator[CancelToken | None]:
        """A context in which a step runs, entered when the worker is idle, with the token that a
        job cancels; None once the worker stops."""
        token = CancelToken()
        with self._changed:
            while not self._stopped and not self._idle():
                self._changed.wait(None if self._jobs else _IDLE_S)
            self._current = None if self._stopped else _Current(step, token)
        try:
            yield token if self._current else None
        finally:
            with self._changed:
                self._current = None

    def _idle(self) -> bool:
        return not self._jobs and time.monotonic() >= self._job_ended_at + _IDLE_S

    def _cancel_current(self) -> None:
        if self._current is not None:
            self._current.token.cancel()
