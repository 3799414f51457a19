"""A batch that is interrupted, killed, or whose server goes away: nothing is lost or done twice."""

import csv
import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from cli import client
from cli.batch import attempt
from cli.batch.run import JOURNAL
from tests.support.cluster import noise
from tests.support.command_line import tessera
from tests.support.convolutions import network
from tests.support.fault_proxy import FaultProxy
from tests.support.gateway import Gateway, start
from tests.support.processes import Process, environment, start_tessera, start_worker, stop
from tests.support.waiting import PATIENCE_S, until

MODEL = "small"
SEED = 3
"""With it, the proxy lets the first connection pass: an address that does not answer is refused."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    network(folder / MODEL, MODEL, 4)
    return folder


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    return tmp_path / "scans"


def start_batch(scans: Path, out: Path, models: Path, *more: str) -> Process:
    """Starts the command; waits until it has segmented three more scans."""
    before, log = len(records(out)), out.parent / "batch.log"
    arguments = [str(scans), "--model", MODEL, "-o", str(out), *more]
    env = environment(out.parent / "data", models=str(models))
    process = start_tessera("batch", env, log, arguments=arguments)
    until(lambda: len(records(out)) >= before + 3 or process.poll() is not None)
    assert process.poll() is None, log.read_text()
    return process


def records(out: Path) -> list[str]:
    """The ids in the journal, one for each attempt that has ended."""
    try:
        lines = (out / JOURNAL).read_text().splitlines()
    except FileNotFoundError:
        return []
    ids = []
    for line in lines:
        if line.startswith("{") and line.endswith("}"):
            ids += [json.loads(line).get("id", "")]
    return [name for name in ids if name]


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.process
@pytest.mark.slow
def test_interrupted_killed_and_continued(
    scans: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        noise(scans / f"{number:02}.nii.gz", 40, number)
    out = tmp_path / "out"
    interrupted = start_batch(scans, out, models)
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(PATIENCE_S) == 130
    states = Counter(row["state"] for row in rows(out))
    assert states["succeeded"] == len(records(out))
    assert states["waiting"] == 40 - states["succeeded"] > 0

    killed = start_batch(scans, out, models)
    killed.kill()
    killed.wait(PATIENCE_S)
    done = len(records(out))
    assert done < 40
    with (out / JOURNAL).open("ab") as journal:  # what a power cut may leave
        journal.write(b'{"id": "39.nii.gz", "state": "succee')

    monkeypatch.setenv("TESSERA_MODELS", str(models))
    assert tessera("batch", scans, "--model", MODEL, "-o", out) == 0
    assert Counter(records(out)) == {f"{number:02}.nii.gz": 1 for number in range(40)}
    assert [row["state"] for row in rows(out)] == ["succeeded"] * 40
    masks = sorted((out / "masks").iterdir())
    assert [mask.name for mask in masks] == [f"{number:02}.nii.gz" for number in range(40)]
    for row in rows(out):
        mask = np.asarray(nibabel.load(out / row["mask"]).dataobj)
        assert int(row["a_voxels"]) == (mask == 1).sum() > 0


@pytest.fixture
def gateway(models: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with a worker."""
    started = start(tmp_path / "server", models=str(models))
    worker = start_worker(started.data, tmp_path / "worker.log", models=str(models))
    yield started
    stop(worker)
    started.stop()


@pytest.mark.slow
def test_on_a_server(
    gateway: Gateway,
    scans: Path,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Killed, continued, through a network that fails: each scan is one job, with its own mask."""
    for number in range(16):
        noise(scans / f"{number:02}.nii.gz", 12, number)
    (scans / "empty.nii.gz").touch()
    out, address = tmp_path / "out", f"http://127.0.0.1:{gateway.port}"
    killed = start_batch(scans, out, models, "--server", address, "--at-once", "3")
    killed.kill()
    killed.wait(PATIENCE_S)
    assert len(records(out)) < 17

    monkeypatch.setattr(client, "_RETRY_S", 0.3)  # so that the batch itself has to wait
    monkeypatch.setattr(attempt, "_WAIT_S", 0.1)
    proxy = FaultProxy(gateway.port, seed=SEED, calm=0.5)
    try:
        server = ("--server", proxy.url, "--at-once", "4")
        assert tessera("batch", scans, "--model", MODEL, "-o", out, *server) == 3
    finally:
        proxy.close()
    assert "The server does not answer." in capsys.readouterr().err
    assert Counter(records(out)) == {path.name: 1 for path in scans.iterdir()}
    (failed,) = [row for row in rows(out) if row["state"] != "succeeded"]
    assert (failed["id"], failed["problem_type"]) == ("empty.nii.gz", "urn:tessera:unreadable-scan")
    jobs = gateway.client.get("/v1/jobs?limit=200").json()["jobs"]
    assert Counter(job["scan_name"] for job in jobs) == {f"{n:02}.nii.gz": 1 for n in range(16)}
    for row in rows(out):
        if row["state"] == "succeeded":
            mask = np.asarray(nibabel.load(out / row["mask"]).dataobj)
            assert int(row["a_voxels"]) == (mask == 1).sum() > 0
