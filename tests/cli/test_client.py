"""What the command makes of a server that is away, or is none. The rest: test_up.py."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from cli import client
from cli.client import Client
from cli.main import main
from imaging.errors import BadRequest, TesseraError, Unavailable
from service.schemas.examples import EXAMPLES

DONE = EXAMPLES["JobOut"] | {
    "state": "succeeded",
    "progress": {"tiles_done": 2, "tiles_total": 2},
    "error": None,
}
"""A job as an older server tells it: `preparing` and `fraction` are missing."""


Answer = tuple[int, bytes]


@contextmanager
def serving(answer: Callable[[str], Answer]) -> Iterator[str]:
    """Asks `answer` what to say to each path, however that is asked; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, body = answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - http.server's own name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()


@contextmanager
def server(*answers: Answer) -> Iterator[tuple[str, list[str]]]:
    """Gives these answers, the last one again and again; its address, and what it was asked."""
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        return answers[min(len(asked), len(answers)) - 1]

    with serving(answer) as address:
        yield address, asked


def told(answers: Mapping[str, object]) -> AbstractContextManager[str]:
    """Answers each path with its JSON; its address."""
    return serving(lambda path: (200, json.dumps(answers[path]).encode()))


@pytest.mark.slow
def test_a_proxy_without_its_server_is_asked_again() -> None:
    away = [(503, b'{"detail": "not now"}'), (502, b"<html>"), (504, b"[]")]
    tiles = []
    with server(*away, (200, json.dumps(DONE).encode())) as (address, asked):
        Client(address).wait("j17", lambda *seen: tiles.append(seen))
    assert set(asked) == {"/v1/jobs/j17", "/v1/jobs/j17/events"}
    assert len(asked) >= 4
    assert tiles == [(2, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("listens", [True, False])
def test_it_gives_up_and_names_the_job(listens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_RETRY_S", 1.5)
    with server((503, b'{"detail": "The queue is away."}')) as (address, asked):
        if listens:
            with pytest.raises(Unavailable, match=r"queue is away\. Job j17 continues there"):
                Client(address).wait("j17", print)
            assert len(asked) > 1
    if not listens:
        with pytest.raises(Unavailable, match=r"does not answer\. Job j17 .*/v1/jobs/j17/mask"):
            Client(address).wait("j17", print)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"oops", Unavailable),
        (404, b'{"detail": "no such job"}', BadRequest),
        (200, b"<html>another program</html>", BadRequest),
    ],
)
def test_no_other_answer_is_waited_for(status: int, body: bytes, kind: type[TesseraError]) -> None:
    with server((status, body)) as (address, asked):
        with pytest.raises(kind):
            Client(address).wait("j17", print)
        assert len(asked) <= 3  # the events, and the job


def test_it_names_the_part_that_a_job_waits_for() -> None:
    waits = {**DONE, "state": "queued", "waiting_for": "the object store"}
    answers = [waits, waits, {**DONE, "waiting_for": None}]
    with server(*((200, json.dumps(answer).encode()) for answer in answers)) as (address, _):
        notices: list[str] = []
        Client(address).wait("j17", lambda _done, _total: None, on_notice=notices.append)
    assert [notice.partition(",")[0] for notice in notices] == [
        "The job waits for the object store of the server"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http://h:x",
        "http://h:99999",
        "/v1",
    ],
)
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(BadRequest, match="not a valid HTTP URL"):
        Client(url)


def test_a_job_that_failed_does_not_end_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that fails every job: each scan is named, and the last is still tried."""
    problem = {"title": "Full", "status": 507, "detail": "No room for a tile."}
    failed = {**DONE, "state": "failed", "error": problem}
    scans, out = [tmp_path / name for name in ("a.png", "b.png")], tmp_path / "out"
    for scan in scans:
        Image.new("L", (4, 4)).save(scan)
    created = EXAMPLES["JobOut"] | {"id": "j"}
    asked: dict[str, object] = {"/v1/scans": EXAMPLES["ScanOut"], "/v1/jobs": created}
    asked |= dict.fromkeys(("/v1/jobs/j", "/v1/jobs/j/events"), failed)
    with told(asked) as address, pytest.raises(SystemExit) as end:
        main(["segment", *map(str, scans), "--model", "m", "-o", f"{out}/", "--server", address])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.count("No room for a tile.") == 2
    assert "2 of 2 scans" in said


def test_the_server_says_what_a_model_looks_at() -> None:
    model = EXAMPLES["ModelOut"] | {"channels": ["t1", "t2"]}
    with told({"/v1/models/two": model}) as address:
        assert Client(address).channels("two") == ["t1", "t2"]


def test_a_job_without_a_worker_is_stated_once() -> None:
    begun = {"tiles_done": 0, "tiles_total": 0}
    waits = EXAMPLES["JobOut"] | {"state": "queued", "progress": begun, "queue": "gpu"}
    answers = [{**waits, "no_worker": True}] * 3 + [{**waits, "no_worker": False}, DONE]
    notices: list[str] = []
    with server(*((200, json.dumps(answer).encode()) for answer in answers)) as (address, _):
        Client(address).wait("j17", print, on_notice=notices.append)
    assert notices == [client.NO_WORKER.format(queue="gpu")]
