"""The log as JSON: one object a line, with what is known, without an exception's message."""

import json
import logging
import threading
from datetime import UTC, datetime
from typing import Any

from jobs.log_format import JsonFormatter, log_fields, of_process


def entry(message: str, *args: object, **more: Any) -> dict[str, Any]:
    """The entry of a call of a logger."""
    record = logging.getLogger("tessera.test").makeRecord(
        "tessera.test", logging.WARNING, "file.py", 1, message, args, more.get("exc"), extra=more
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    return dict(json.loads(line))


def test_members() -> None:
    found = entry("the %s\nis lost", "lease")
    time = found.pop("time")
    assert time.endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()) < 60
    assert found == {"level": "WARNING", "logger": "tessera.test", "message": "the lease\nis lost"}


def test_the_subject_of_a_message_is_a_member() -> None:
    assert entry("job %s: attempt %d begins", "a1", 2)["job"] == "a1"
    assert entry("worker %s: ended", "w")["worker"] == "w"
    assert "job" not in entry("the job %s", "a1")
    assert "job" not in entry("job %(id)s", {"id": "a1"})
    assert "job" not in entry("job %%s")


def test_members_of_a_context_are_those_of_its_thread() -> None:
    seen: list[dict[str, Any]] = []
    with log_fields(job="a", batch="b"):
        with log_fields(job="c"):
            assert (entry("x")["job"], entry("x")["batch"]) == ("c", "b")
        assert entry("x")["job"] == "a"
        thread = threading.Thread(target=lambda: seen.append(entry("x")))
        thread.start()
        thread.join()
    assert "job" not in seen[0]
    assert "job" not in entry("x")


def test_an_exception_is_logged_without_its_message() -> None:
    try:
        int("Miller-1961")
    except ValueError as error:
        found = entry("unexpected", exc=(type(error), error, error.__traceback__))
    assert found["error"] == "ValueError"
    assert "test_log_format.py" in found["stack"][-1]
    assert "Miller" not in json.dumps(found)


def test_members_of_the_process() -> None:
    of_process(worker="w1")
    try:
        assert entry("x")["worker"] == "w1"
    finally:
        of_process.__globals__["_process"].clear()
