"""A message that is repeated does not fill the log; what is different, and the record, is kept."""

import logging
import time

import pytest

from jobs.repeated_messages import RepeatedMessages


def record(message: str, *arguments: object, name: str = "tessera") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, arguments, None)


def test_repeated_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    messages = RepeatedMessages()
    logged = [messages.filter(record("no descriptor %d", number)) for number in range(1000)]
    assert sum(logged) == 100
    assert logged[:100] == [True] * 100
    assert messages.filter(record("something else"))
    now[0] = 61
    first = record("no descriptor %d", 7)
    assert messages.filter(first)
    assert first.getMessage() == "no descriptor 7 (900 more like it were left out)"
    second = record("no descriptor %d", 8)
    assert messages.filter(second)
    assert second.getMessage() == "no descriptor 8"


def test_the_record_of_requests_is_complete() -> None:
    messages = RepeatedMessages()
    line = "%s %s %d %.0f ms job=%s"
    served = [
        messages.filter(record(line, "GET", "/v1/jobs", 200, 1.0, "-", name="tessera.access"))
        for _ in range(1000)
    ]
    refused = [
        messages.filter(record(line, "GET", "unknown", 421, 1.0, "-", name="tessera.access"))
        for _ in range(1000)
    ]
    assert (sum(served), sum(refused)) == (1000, 100)


def test_endless_kinds_take_no_memory() -> None:
    messages = RepeatedMessages()
    texts = [chr(0x4E00 + number) for number in range(3000)]
    logged = sum(messages.filter(record(text)) for text in texts)
    assert logged == 1000 + 100
    assert len(messages._kinds) == 1001
