"""One table from exception to problem; nothing that it does not know gets out."""

import inspect
import logging

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from imaging import errors as house
from imaging.errors import NotFound, TesseraError
from service.http import errors
from service.http.errors import TABLE, UnexpectedErrors, problem_of, response_to, stored
from tests.support.answers import ask, check_problem

KINDS = [
    kind
    for kind in vars(house).values()
    if inspect.isclass(kind) and issubclass(kind, TesseraError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_exception_of_the_house_has_a_problem(kind: type[TesseraError]) -> None:
    problem = problem_of(kind("It came.", expected="That.", hint="Do this."))
    assert (problem.detail, problem.expected, problem.hint) == ("It came.", "That.", "Do this.")
    assert problem.status == TABLE[kind].status
    assert 400 <= problem.status < 600
    assert problem.type.startswith("urn:tessera:")


def test_nearest_class_decides() -> None:
    class Odd(NotFound):
        """Of a kind that the table does not list."""

    assert problem_of(Odd("x")).status == 404
    assert problem_of(Odd("x")).type == "urn:tessera:not-found"
    assert problem_of(Odd("x")).hint
    with pytest.raises(KeyError):
        problem_of(ValueError("x"))


def test_many_faults_are_counted() -> None:
    """A batch with the same mistake in each of its jobs."""
    faults = [{"loc": ("body", "jobs", n, "device"), "msg": "not permitted"} for n in range(5000)]
    detail = problem_of(RequestValidationError(faults)).detail
    assert "jobs.9.device: not permitted; and 4,990 more." in detail
    assert "jobs.10." not in detail
    assert "more" not in problem_of(RequestValidationError(faults[:10])).detail


def test_unavailable_says_when_to_come_back() -> None:
    assert "retry-after" in response_to(house.Unavailable("Away.")).headers
    assert "retry-after" not in response_to(house.StorageFull("Full.")).headers


def test_stored_errors_of_any_shape_are_problems() -> None:
    assert stored({}).title == "The job failed"
    known = stored(
        {"title": "T", "detail": "D", "hint": "", "status": 422, "more": 1, "type": None}
    )
    assert (known.title, known.detail, known.status) == ("T", "D", 422)


def test_unexpected_exception(caplog: pytest.LogCaptureFixture) -> None:
    """500 with an id that leads to the log, where the place is told and the message is not."""
    app = FastAPI()
    errors.install(app)
    app.add_middleware(UnexpectedErrors)

    @app.get("/fault")
    def fault() -> None:
        raise ValueError("voxels of Miller, Anna")

    with caplog.at_level(logging.INFO):
        problem = check_problem(ask(app, "/fault"), 500, "Miller", "ValueError", __file__)
    found = str(problem["instance"]).removeprefix("urn:uuid:")
    assert found in str(problem["detail"])
    ours = [record.getMessage() for record in caplog.records if record.name == "tessera.service"]
    assert found in ours[0]
    assert "ValueError" in ours[0]
    assert "in fault" in ours[0]
    assert "Miller" not in caplog.text
