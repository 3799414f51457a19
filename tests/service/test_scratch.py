"""Scratch belongs to one process; the gate keeps uploads and deletions apart."""

import threading
import time
from pathlib import Path

import pytest

from service.gate import Gate
from service.scratch import Scratch


def test_files_go_with_their_block(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    with scratch.file(".nii") as path:
        path.write_bytes(b"x")
        assert path.suffix == ".nii"
    assert not path.exists()
    with scratch.file() as path:
        path.unlink()  # moved away: no fault
    with pytest.raises(RuntimeError), scratch.file() as path:
        raise RuntimeError
    assert not path.exists()
    scratch.close()
    assert not list(tmp_path.glob("gateway-*"))


def test_a_living_gateway_keeps_its_folder(tmp_path: Path) -> None:
    """Two gateways share the scratch; only what nobody owns is removed."""
    dead = tmp_path / "gateway-dead"
    dead.mkdir()
    (dead / "half").write_bytes(b"x")
    others = tmp_path / "worker-1"
    others.mkdir()
    first, second = Scratch(tmp_path), Scratch(tmp_path)
    assert not dead.exists()
    assert others.exists()
    assert first.folder.exists()
    assert second.folder.exists()
    first.close()
    assert second.folder.exists()
    second.close()


def test_gate_lets_uploads_in_together_and_deletions_alone() -> None:
    gate, log, lock = Gate(), list[str](), threading.Lock()

    def note(word: str) -> None:
        with lock:
            log.append(word)

    def upload() -> None:
        with gate.shared():
            note("in")
            time.sleep(0.01)
            note("out")

    def delete() -> None:
        with gate.alone():
            note("begin")
            time.sleep(0.005)
            note("end")

    jobs = [threading.Thread(target=upload if n % 3 else delete) for n in range(60)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(10)
        assert not job.is_alive()
    inside, together, alone = 0, 0, False
    for word in log:
        inside += {"in": 1, "out": -1}.get(word, 0)
        together = max(together, inside)
        alone = word == "begin" or (alone and word != "end")
        assert not (alone and inside)
        assert not (alone and word in ("in", "out"))
    assert together > 1
