"""What the client decides, without a network: the steps of its operations get made-up responses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from service.schemas.examples import EXAMPLES
from tessera_client import (
    Conflict,
    InvalidAddress,
    JobFailed,
    JobRequest,
    NotFound,
    Retries,
    Selection,
    SeveralScans,
    Unavailable,
    UnexpectedResponse,
)
from tessera_client.drivers.http import Endpoint
from tessera_client.operations import following, jobs, results, scans, uploads
from tessera_client.operations.events import EventParser
from tessera_client.operations.local_file import one_file
from tessera_client.steps import Emit, Next, Open, Reply, Request, Send, Sleep, Steps

RETRIES = Retries(total_s=1000, first_pause_s=0.001, longest_pause_s=0.002)


def answer(status: int, body: Any = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, json.dumps(body).encode())


def lost(*, sent: bool = True) -> Unavailable:
    error = Unavailable("No answer.")
    error.sent = sent
    return error


class Played:
    """An operation whose requests are answered in this order."""

    def __init__(self, steps: Steps[Any], *replies: Reply | Exception) -> None:
        self.sent: list[Request] = []
        self.pauses: list[float] = []
        self.emitted: list[Any] = []
        self.result: Any = None
        waiting = list(replies)
        step = next(steps)
        while True:
            try:
                step = self._next(steps, step, waiting)
            except StopIteration as end:
                self.result = end.value
                break
        assert waiting == []

    def _next(self, steps: Steps[Any], step: Any, waiting: list[Any]) -> Any:
        if isinstance(step, Send | Open):
            self.sent.append(step.request)
            reply = waiting.pop(0)
            return steps.throw(reply) if isinstance(reply, Exception) else steps.send(reply)
        if isinstance(step, Next):
            return steps.send(waiting.pop(0))
        if isinstance(step, Sleep):
            self.pauses.append(step.seconds)
        if isinstance(step, Emit):
            self.emitted.append(step.value)
        return steps.send(None)

    @property
    def lines(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.sent]


JOB, SCAN = EXAMPLES["JobOut"], EXAMPLES["ScanOut"]
FULL = {"title": "t", "status": 409, "detail": "No.", "expected": "Yes.", "hint": "Wait."}


def test_all_tries_of_a_job_have_one_key_and_others_another() -> None:
    request = JobRequest("m", "s")
    busy = answer(503, retry_after="7")
    played = Played(jobs.create(RETRIES, request, None), lost(), busy, answer(202, JOB))
    other = Played(jobs.create(RETRIES, request, None), answer(202, JOB))
    keys = [sent.headers["Idempotency-Key"] for sent in (*played.sent, *other.sent)]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert played.pauses[0] < 0.01
    assert played.pauses[1] == 7  # Retry-After
    assert played.sent[0].json == {"model": "m", "scan": "s"}
    assert played.result.id == JOB["id"]


@pytest.mark.parametrize(("failure", "tries"), [(lost(sent=False), 2), (lost(), 1)])
def test_a_review_is_not_repeated_once_it_may_have_arrived(
    failure: Unavailable, tries: int
) -> None:
    review = results.review(RETRIES, "j", "accepted", "", "")
    if tries == 1:
        with pytest.raises(Unavailable):
            Played(review, failure)
        return
    assert len(Played(review, failure, answer(201, EXAMPLES["ReviewOut"])).sent) == 2


def test_it_gives_up_in_time() -> None:
    short = Retries(total_s=0.0)
    with pytest.raises(Unavailable, match="The queue is away"):
        Played(jobs.get(short, "j"), answer(503, {"detail": "The queue is away."}))
    first = lost(sent=False)
    first.first_contact = True
    with pytest.raises(Unavailable):
        Played(jobs.get(Retries(total_s=1000, first_contact_s=0), "j"), first)


def test_a_repeated_cancellation_finds_the_job_cancelled() -> None:
    cancelled = answer(200, JOB | {"state": "cancelled"})
    played = Played(jobs.cancel(RETRIES, "j"), lost(), answer(409, FULL), cancelled)
    assert played.lines == ["POST /v1/jobs/j/cancel"] * 2 + ["GET /v1/jobs/j"]
    assert played.result.state == "cancelled"
    with pytest.raises(Conflict, match=r"No\. Yes\. Wait\."):
        Played(jobs.cancel(RETRIES, "j"), answer(409, FULL), answer(200, JOB | {"state": "failed"}))


def test_a_repeated_deletion_finds_no_scan() -> None:
    assert Played(scans.delete(RETRIES, "s"), lost(), answer(404, FULL)).result is None
    with pytest.raises(NotFound):
        Played(scans.delete(RETRIES, "s"), answer(404, FULL))


def big_file(folder: Path) -> Path:
    path = folder / "a.nii"
    path.write_bytes(b"x" * (uploads.ONE_REQUEST_BYTES + 1))
    return path


def test_an_upload_continues_where_the_server_is(tmp_path: Path) -> None:
    size = str(uploads.ONE_REQUEST_BYTES + 1)
    created = answer(201, location="/v1/uploads/u", upload_offset="0")
    replies: Sequence[Any] = (
        *(created, lost(), answer(200, upload_offset="700")),
        *(answer(409, FULL), answer(200, upload_offset="900")),
        *(answer(204, upload_offset=size), answer(201, SCAN), lost()),
    )
    operation = uploads.upload(RETRIES, big_file(tmp_path), Selection(volume=2), None)
    played = Played(operation, *replies)
    starts = [r.headers["Upload-Offset"] for r in played.sent if r.method == "PATCH"]
    assert starts == ["0", "700", "900"]
    assert played.lines[-2:] == ["POST /v1/scans/uploaded", "DELETE /v1/uploads/u"]
    assert played.sent[-2].query == {"volume": "2"}


def test_an_unknown_upload_is_sent_whole(tmp_path: Path) -> None:
    """An older server, or another gateway that does not share the uploads."""
    created = answer(201, location="/v1/uploads/u", upload_offset="0")
    for before in ((answer(404, FULL),), (created, answer(404, FULL))):
        operation = uploads.upload(RETRIES, big_file(tmp_path), Selection(), None)
        assert Played(operation, *before, answer(201, SCAN)).lines[-1] == "POST /v1/scans"


def test_several_scans_are_choices(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    problem = FULL | {"choices": [EXAMPLES["Choice"]], "type": "urn:tessera:several-scans"}
    with pytest.raises(SeveralScans) as caught:
        Played(uploads.upload(RETRIES, tmp_path / "a", Selection(), None), answer(422, problem))
    assert caught.value.choices[0].slices == EXAMPLES["Choice"]["slices"]
    assert (caught.value.status, caught.value.type) == (422, "urn:tessera:several-scans")


def test_a_job_is_polled_where_events_do_not_arrive() -> None:
    other = answer(200, JOB, content_type="application/json")
    running, failed = JOB, JOB | {"state": "failed", "error": FULL}
    following_it = following.wait(RETRIES, "j", None)
    with pytest.raises(JobFailed, match="No"):
        Played(
            following_it,
            *(other, answer(200, running), lost(), answer(200, running)),
            *(answer(200, running), answer(200, failed)),
        )


def test_events_are_parsed_however_they_are_cut() -> None:
    text = 'event: job\r\nid: 1\r\ndata: {"a":\r\ndata: "ä"}\r\n\r\n: beat\n\ndata: 2\n\n'.encode()
    for size in range(1, len(text)):
        parser = EventParser()
        events = [
            event
            for start in range(0, len(text), size)
            for event in parser.feed(text[start : start + size])
        ]
        assert [event.data for event in events] == ['{"a":\n"ä"}', "2"]
        assert (events[0].name, events[0].id) == ("job", "1")


def test_equal_folders_are_equal_zips(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "1.dcm").write_bytes(b"one")
        (tmp_path / name / "0.dcm").write_bytes(b"two")
        with one_file(tmp_path / name) as file:
            assert file.name == f"{name}.zip"
            contents.append(file.path.read_bytes())
    assert contents[0] == contents[1]
    with pytest.raises(FileNotFoundError), one_file(tmp_path / "none"):
        pass


@pytest.mark.parametrize("body", [[], {"id": 1}, JOB | {"created_at": "?"}, JOB | {"state": "?"}])
def test_a_response_of_another_program(body: Any) -> None:
    with pytest.raises(UnexpectedResponse):
        Played(jobs.get(RETRIES, "j"), answer(200, body))


@pytest.mark.parametrize("url", ["", "x", "ftp://h", "http://", "http://h:99999", "http://u:p@h"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InvalidAddress):
        Endpoint(url, None, 1)
