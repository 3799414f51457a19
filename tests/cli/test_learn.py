"""From ten corrected masks to a new version of a model that a job chooses: the commands, a real
gateway with its database, a tiny network, and scans that are made here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from imaging.metrics import dice
from jobs.repository import Repository
from models.card import ModelCard
from models.data_set.manifest import Manifest
from models.export import export
from models.training.train import train
from tests.support.command_line import run
from tests.support.corrections import Corrector, voxel_runs
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, start
from tests.support.judged_masks import ball
from tests.support.training_data import blobs, write_config

pytestmark = [pytest.mark.slow, pytest.mark.process]

JUDGED = 12


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of added models, with one that finds bright balls."""
    folder = tmp_path_factory.mktemp("learn")
    best = train(write_config(folder, steps=15), folder / "run", data=blobs(folder))
    export(best, folder / "models" / "blob")
    return folder / "models"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Gateway]:
    running = start(tmp_path_factory.mktemp("gateway") / "data", models=str(models))
    yield running
    running.stop()


@pytest.fixture
def settings(gateway: Gateway, models: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The settings of the gateway for commands here; its address."""
    monkeypatch.setenv("TESSERA_DATA", str(gateway.data))
    monkeypatch.setenv("TESSERA_MODELS", str(models))
    return f"http://127.0.0.1:{gateway.port}"


@pytest.fixture(scope="module")
def judged(gateway: Gateway) -> list[str]:
    """Jobs on dark balls: the model finds nothing, a reader draws ten balls, and accepts two
    masks. One more mask is rejected, and one waits for a second reading."""
    random, jobs = np.random.default_rng(3), list[str]()
    for number in range(JUDGED + 2):
        image, mask = ball(random, contrast=-50)
        scan = gateway.scan(_nifti(image), f"Miller^Ann_{number}.nii")
        more = {"second_reading": {"readers": 2}} if number == JUDGED else {}
        job = str(gateway.job(scan=scan, model="blob", **more)["id"])
        accepted = number in (3, 7)
        run_job(gateway, job, mask if accepted else np.zeros_like(mask))
        jobs.append(job)
        if accepted or number == JUDGED:
            _judge(gateway, job, "accepted")
        elif number > JUDGED:
            _judge(gateway, job, "rejected")
        else:
            runs = voxel_runs(mask, mask > 0, 1)
            Corrector(gateway, job).corrected(runs)
    return jobs


def _nifti(image: np.ndarray) -> bytes:
    return bytes(nibabel.Nifti1Image(image, np.diag([1.0, 1, 2, 1])).to_bytes())


def _judge(gateway: Gateway, job: str, verdict: str) -> None:
    body = {"verdict": verdict, "reviewer": "Ann"}
    answer = gateway.client.post(f"/v1/jobs/{job}/reviews", json=body)
    assert answer.status_code == 201, answer.text


def test_corrections_become_a_version_that_a_job_chooses(
    gateway: Gateway,
    models: Path,
    judged: list[str],
    settings: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    share = ("--held-out", "0.4")
    status, printed = run(capsys, "dataset", "export", "blob", "-o", here, *share)
    assert status == 0, printed
    assert f"{JUDGED} cases of {JUDGED} subjects" in printed
    assert "10 corrected, 2 accepted" in printed
    status, printed = run(
        capsys, "dataset", "export", "blob", "-o", there, *share, "--server", settings
    )
    assert status == 0, printed
    assert Manifest.load(here) == Manifest.load(there)  # the same files, byte for byte
    manifest = Manifest.load(here)
    assert {case.job for case in manifest.cases} == set(judged[:JUDGED])
    stored = b"".join(path.read_bytes() for path in here.rglob("*") if path.is_file())
    assert b"Miller" not in stored

    out = tmp_path / "run"
    training = ("train", "--start", "blob", "--data", here, "-o", out, "--threads", 1)
    few = ("--steps", 40, "--learning-rate", 0.01)
    status, printed = run(capsys, *training, *few, "--json")
    assert status == 0, printed
    assert '"phase": "verifying"' in printed
    status, printed = run(capsys, *training, *few, "--publish")
    assert status == 0, printed
    assert "Checked and added: blob@2" in printed
    assert f"On {manifest.counts['held_out_cases']} held-out cases" in printed

    card = ModelCard.load(models / "blob@2" / "card.json")
    assert card.parent is not None
    assert card.figures["dice"] > card.parent.figures["dice"]
    served = {model["name"]: model for model in gateway.client.get("/v1/models").json()}
    assert served["blob@2"]["card"]["parent"]["name"] == "blob"
    _check_jobs(gateway, judged[0], tmp_path, capsys)


def _check_jobs(
    gateway: Gateway, old: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new job gets the new version, and its network finds what the old one missed; old jobs and
    jobs of the plain name keep theirs."""
    image, mask = ball(np.random.default_rng(99), contrast=-50)
    scan = gateway.scan(_nifti(image))
    jobs = {name: gateway.job(scan=scan, model=name) for name in ("blob@2", "blob", "blob@1")}
    assert [(job["model"], job["model_version"]) for job in jobs.values()] == [
        ("blob@2", "2"),
        ("blob", "1"),
        ("blob", "1"),
    ]
    before = gateway.client.get(f"/v1/jobs/{old}").json()
    assert (before["model"], before["model_version"]) == ("blob", "1")
    with gateway.repository() as repository:
        assert _sha256(repository, jobs["blob@2"]) != _sha256(repository, jobs["blob"])
    path = tmp_path / "new.nii"
    path.write_bytes(_nifti(image))
    overlap = {}
    for name in ("blob", "blob@2"):
        target = tmp_path / f"{name}.nii.gz"
        status, printed = run(capsys, "segment", path, "--model", name, "-o", target)
        assert status == 0, printed
        overlap[name] = dice(np.asarray(nibabel.load(target).dataobj) > 0, mask > 0)
    assert overlap["blob"] < 0.5 < 0.7 < overlap["blob@2"]


def _sha256(repository: Repository, job: dict[str, Any]) -> str:
    return repository.jobs.by_id(job["id"]).model_sha256


def test_a_version_that_is_worse_is_refused_unless_it_is_wanted(
    models: Path,
    settings: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "worse"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((models / "blob" / "model.onnx").read_bytes())
    fields = json.loads((models / "blob" / "card.json").read_text())
    parent = {
        "name": "blob",
        "version": "1",
        "sha256": fields["sha256"],
        "manifest_sha256": "0" * 64,
        "training_cases": 8,
        "training_subjects": 8,
        "held_out_cases": 2,
        "held_out_subjects": 2,
        "figures": {"dice": 0.9, "dice_1": 0.9},
    }
    fields |= {"version": "1.1", "parent": parent, "figures": {"dice": 0.8, "dice_1": 0.8}}
    (folder / "card.json").write_text(json.dumps(fields))
    status, printed = run(capsys, "models", "add", folder)
    assert status != 0
    assert "worse than its parent: dice 0.8000 instead of 0.9000" in printed
    assert "Only 2 subjects are held out" in printed
    assert not (models / "blob@1.1").exists()
    status, printed = run(capsys, "models", "add", folder, "--even-if-worse")
    assert status == 0, printed
    assert "Warning" in printed
    status, printed = run(capsys, "models", "add", folder, "--even-if-worse")
    assert status != 0
    assert "A model named blob@1.1 already exists" in printed
    status, printed = run(capsys, "models", "show", "blob@1.1")
    assert status == 0, printed
    status, printed = run(capsys, "models", "remove", "blob@1.1")
    assert status == 0, printed


def test_commands_say_what_is_missing(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, text in (
        (("dataset", "export", "nobody", "-o", tmp_path / "a"), "no model with that name"),
        (
            ("dataset", "export", "hippocampus-mri-3d", "-o", tmp_path / "b"),
            "no accepted or corrected mask of hippocampus-mri-3d",
        ),
        (
            ("dataset", "export", "blob", "-o", tmp_path / "c", "--project", "other"),
            "no accepted or corrected mask of blob",
        ),
        (("train", "--start", "blob", "--data", tmp_path, "-o", tmp_path / "d"), "no complete"),
        (("train", "--start", "nobody", "--data", tmp_path, "-o", tmp_path / "e"), "no model"),
        (("train",), "Give CONFIG, or --start"),
        (("train", "--steps", 3, __file__), "need --start"),
    ):
        status, printed = run(capsys, *arguments)
        assert status != 0
        assert text in printed
