"""The process of the assistant: started when it is needed, replaced, and ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from imaging.assistance.assistants import DEFAULT
from imaging.assistance.request import AssistanceRequest
from imaging.box import Box
from imaging.errors import BadRequest, NotFound, Unavailable
from imaging.formats.limits import Limits
from service.resources.assistant_process import AssistantProcess
from tests.support.corrections import pack
from tests.support.images import nifti_bytes
from tests.support.waiting import until

SHAPE = (5, 6, 7)
pytestmark = pytest.mark.process


@pytest.fixture
def process() -> Iterator[AssistantProcess]:
    started = AssistantProcess(120)
    yield started
    started.stop()


@pytest.fixture
def request_(tmp_path: Path) -> AssistanceRequest:
    (tmp_path / "scan.nii").write_bytes(nifti_bytes(SHAPE))
    box = Box((0, 0, 0), SHAPE)
    return AssistanceRequest(DEFAULT, "sha", SHAPE, box, pack([[0, 1, 2]]), Limits(), tmp_path)


class File:
    """The scan, and how often it was opened."""

    def __init__(self, folder: Path) -> None:
        self.path, self.opened = folder / "scan.nii", 0

    @contextmanager
    def __call__(self) -> Iterator[Path]:
        self.opened += 1
        yield self.path


def children() -> list[psutil.Process]:
    name = "service.resources.assistant_child"
    return [one for one in psutil.Process().children() if name in one.cmdline()]


def test_it_keeps_values_until_it_is_killed_or_forgets_a_scan(
    process: AssistantProcess, request_: AssistanceRequest, tmp_path: Path
) -> None:
    scan = File(tmp_path)
    assert children() == []
    first = process.ask(request_, scan)
    assert process.ask(request_, scan) == first
    (child,) = children()
    assert scan.opened == 1
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: child.status() == psutil.STATUS_ZOMBIE)
    assert process.ask(request_, scan) == first
    (second,) = children()
    assert (scan.opened, second.pid == child.pid) == (2, False)
    process.forget_contents(["another"])
    assert children() == [second]
    process.forget_contents(["sha"])
    assert children() == []
    process.ask(request_, scan)
    process.stop()
    assert children() == []


def test_errors_of_the_request_and_of_the_scan_are_raised_here(
    process: AssistantProcess, request_: AssistanceRequest, tmp_path: Path
) -> None:
    damaged = AssistanceRequest(DEFAULT, "sha", SHAPE, request_.box, b"no gzip", Limits(), tmp_path)
    with pytest.raises(BadRequest) as caught:
        process.ask(damaged, File(tmp_path))
    assert (caught.value.detail, caught.value.expected) == (
        "The changes of the mask are cut off, or are not compressed with gzip.",
        "One complete gzip stream.",
    )

    @contextmanager
    def missing() -> Iterator[Path]:
        raise NotFound("It is gone.")
        yield tmp_path

    with pytest.raises(NotFound):
        process.ask(request_, missing)
    (child,) = children()
    assert process.ask(request_, File(tmp_path))
    assert children() == [child]


def test_it_ends_when_it_takes_too_long_and_when_nobody_asks(
    request_: AssistanceRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = AssistantProcess(0.001)
    with pytest.raises(Unavailable) as caught:
        slow.ask(request_, File(tmp_path))
    assert "was stopped" in caught.value.detail
    assert children() == []
    monkeypatch.setattr("service.resources.assistant_process.POLL_S", 0.05)
    idle = AssistantProcess(120, keep_s=0.2)
    idle.start()
    idle.ask(request_, File(tmp_path))
    until(lambda: children() == [])
    idle.ask(request_, File(tmp_path))
    idle.stop()
    assert children() == []
