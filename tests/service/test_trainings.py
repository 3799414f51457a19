"""Trainings over HTTP: what they would learn from, their life, their events, their models."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imaging.errors import NotFound
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.blobs import Blobs, open_blobs
from jobs.repository import Held, Repository
from jobs.settings import Settings
from jobs.training import TrainingPhase, TrainingProgress, TrainingResult
from models.card import ModelCard
from models.card_parts import Parent, Training
from models.registry import Registry
from service.app import create_app
from service.resources.usable_models import UsableModels
from tests.support.answers import check_problem
from tests.support.cards import card
from tests.support.served_app import served
from tests.support.stored_judgements import add_judged
from tests.support.waiting import until

PROJECT = "local"


class Room:
    """A gateway with the model `blob`, which Tessera trained, and what lies behind it."""

    def __init__(self, client: httpx.Client, settings: Settings, folder: Path) -> None:
        self.client, self.settings, self.folder = client, settings, folder
        self.repository = Repository(settings.database)
        self.store: Blobs = open_blobs(settings)
        self.card = write_model(settings.added_models / "blob", _card("blob"))

    def judge(self, count: int, **changes: Any) -> None:
        """As many judged masks of subjects of their own; every second one is corrected."""
        for number in range(count):
            verdict = "corrected" if number % 2 else "accepted"
            add_judged(
                self.repository, self.store, self.card, self.folder, number,
                project=PROJECT, verdict=verdict, **changes,
            )  # fmt: skip

    def preview(self, model: str = "blob") -> dict[str, Any]:
        return dict(self.client.get("/v1/trainings/preview", params={"model": model}).json())

    def start(self) -> str:
        answer = self.client.post("/v1/trainings", json={"model": "blob", "steps": 20})
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"/v1/trainings/{answer.json()['id']}"
        return str(answer.json()["id"])

    def get(self, training: str) -> dict[str, Any]:
        return dict(self.client.get(f"/v1/trainings/{training}").json())

    def claim(self) -> Held:
        claimed = self.repository.training_leases.claim_next("w", 60)
        assert claimed is not None
        return Held(claimed.id, claimed.fence)

    def finish(self, held: Held, dice: float) -> ModelCard:
        """Ends a training as a worker does, with a model of this Dice; its parent has 0.8."""
        version = self.get(held.id)["new_version"]
        origin = Parent(
            name="blob", version="1.0.0", sha256="0" * 64, manifest_sha256="0" * 64,
            training_cases=3, training_subjects=3, held_out_cases=1, held_out_subjects=1,
            figures={"dice": 0.8},
        )  # fmt: skip
        made = _card("blob").model_copy(update={"version": version, "parent": origin})
        folder = self.folder / f"made-{held.id}"
        made = write_model(folder, made)
        packed = Path(shutil.make_archive(str(folder), "zip", folder))
        figures = {"dice": 0.8}, {"dice": dice, "dice_1": dice}
        result = TrainingResult(version, made.checksum, 3, 1, *figures)
        blob = self.store.put(packed, move=True)
        leases = self.repository.training_leases
        assert leases.finish(*held, result=result, model_blob=blob)
        return made

    def models(self) -> set[str]:
        return {model["name"] for model in self.client.get("/v1/models").json()}


def _card(name: str) -> ModelCard:
    training = Training(config={}, data_sha256="0" * 64, code="1", torch="2")
    return card(name, 3, "t1").model_copy(update={"training": training})


def write_model(folder: Path, made: ModelCard) -> ModelCard:
    """The card in a folder, with a file as its network."""
    folder.mkdir(parents=True)
    content = f"network {made.version}".encode()
    (folder / "model.onnx").write_bytes(content)
    made = made.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    made.save(folder / "card.json")
    return made


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    settings = Settings(data=tmp_path / "data", broker_url="file://", sweep_interval_s=0.1)
    settings.data.mkdir()
    with served(create_app(settings)) as client:
        opened = Room(client, settings, tmp_path)
        yield opened
        opened.repository.close()


def test_what_a_training_would_learn_from(room: Room) -> None:
    nothing = room.preview()
    assert nothing["problem"]["status"] == 422
    assert (nothing["accepted"], nothing["training_cases"], nothing["running"]) == (0, 0, None)
    room.judge(1)
    assert "same subject" in room.preview()["problem"]["detail"]


def test_enough_masks_and_no_worker(room: Room) -> None:
    room.judge(5)
    masks = room.preview()
    assert (masks["accepted"], masks["corrected"], masks["problem"]) == (3, 2, None)
    assert masks["training_cases"] + masks["held_out_cases"] == 5
    assert masks["training_subjects"] == masks["training_cases"]
    assert masks["held_out_cases"] >= 1
    assert "tessera-seg[train]" in masks["worker_problem"]["hint"]

    training = room.start()
    assert room.get(training)["no_worker"] is True
    assert room.preview()["running"]["id"] == training
    worker = AnnouncedWorker("w", ("any",), "1", WorkerState.READY, 1.0, trains=True)
    room.repository.workers.announce(worker)
    assert room.preview()["worker_problem"] is None
    assert room.get(training)["no_worker"] is False


def test_the_life_of_a_training(room: Room) -> None:
    check_problem(room.client.post("/v1/trainings", json={"model": "blob"}), 422)
    room.judge(4)
    training = room.start()
    assert (room.get(training)["new_version"], room.get(training)["steps"]) == ("1.0.1", 20)
    problem = check_problem(room.client.post("/v1/trainings", json={"model": "blob"}), 409)
    assert "trained already" in str(problem["detail"])
    listed = room.client.get("/v1/trainings").json()
    assert [one["id"] for one in listed["trainings"]] == [training]

    held = room.claim()
    room.repository.training_leases.renew(
        {held: TrainingProgress(TrainingPhase.TRAINING, 5, 20, 0.5, 9.5, 0)}, 60
    )
    progress = room.get(training)["progress"]
    assert progress == {
        "phase": "training", "step": 5, "total": 20, "loss": 0.5, "seconds_left": 9.5,
        "continued_from": 0,
    }  # fmt: skip
    cancelled = room.client.post(f"/v1/trainings/{training}/cancel").json()
    assert cancelled["state"] == "cancelled"
    check_problem(room.client.post(f"/v1/trainings/{training}/cancel"), 409)
    check_problem(room.client.post(f"/v1/trainings/{training}/publish"), 409)
    again = room.client.post(f"/v1/trainings/{training}/retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert room.get(training)["progress"]["phase"] is None


def test_what_cannot_be_trained(room: Room) -> None:
    folder = room.settings.added_models / "solid"
    folder.mkdir()
    card("solid", 3, "t1").save(folder / "card.json")
    room.judge(3)
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"model": "none"}, 404),
        ({"model": "solid"}, 422),
        ({"model": "blob", "steps": 0}, 422),
        ({"model": "blob", "steps": 1e9}, 422),
        ({"model": "blob", "steps": 10_001}, 422),
        ({}, 422),
    ]
    for body, status in wrong:
        check_problem(room.client.post("/v1/trainings", json=body), status)
    unfit = room.preview("solid")
    assert unfit["trainable"] is False
    assert "cannot be trained" in unfit["problem"]["detail"]
    assert room.preview()["trainable"] is True
    check_problem(room.client.get("/v1/trainings/none"), 404)


def test_a_better_model_is_published_as_a_version(room: Room) -> None:
    room.judge(4)
    training = room.start()
    made = room.finish(room.claim(), dice=0.9)
    until(lambda: room.get(training)["published_at"] is not None)
    assert made.full_name == "blob@1.0.1"
    assert {"blob", made.full_name} <= room.models()
    assert room.get(training)["result"]["model"] == made.full_name
    versions = room.repository.project_models
    models = UsableModels(
        Registry(room.settings.added_models, zoo=room.folder), dict, versions.trained
    )
    assert [one.card.full_name for one in models.all("other")] == ["blob"], "it is of one project"
    with pytest.raises(NotFound):
        models.get("other", made.full_name)
    assert models.get(PROJECT, made.full_name).card == made
    versions.share(made.checksum)
    assert models.get("other", made.full_name).card == made
    mode = (room.settings.added_models / made.full_name / "model.onnx").stat().st_mode
    assert mode & 0o400

    second = room.start()
    assert room.get(second)["new_version"] == "1.0.2"


def test_a_worse_model_is_published_on_request(room: Room) -> None:
    room.judge(4)
    training = room.start()
    made = room.finish(room.claim(), dice=0.7)
    assert room.get(training)["result"]["is_worse"] is True
    assert made.full_name not in room.models()
    for _ in range(2):
        answer = room.client.post(f"/v1/trainings/{training}/publish").json()
        assert answer["published_at"] is not None
    assert made.full_name in room.models()


def test_a_folder_of_models_that_cannot_be_written(room: Room) -> None:
    """The reason is kept, and the model can be published once it is corrected."""
    room.judge(4)
    training = room.start()
    made = room.finish(room.claim(), dice=0.7)
    obstacle = room.settings.added_models / made.full_name
    obstacle.mkdir()  # as another model that is being added
    check_problem(room.client.post(f"/v1/trainings/{training}/publish"), 409)
    assert room.get(training)["publish_error"]["status"] == 409
    obstacle.rmdir()
    published = room.client.post(f"/v1/trainings/{training}/publish").json()
    assert (published["published_at"] is None, published["publish_error"]) == (False, None)


def test_a_training_is_followed_until_its_model_is_published(room: Room) -> None:
    room.judge(4)
    training = room.start()
    seen: list[dict[str, Any]] = []
    with room.client.stream("GET", f"/v1/trainings/{training}/events") as answer:
        for line in answer.iter_lines():
            if not line.startswith("data:"):
                continue
            seen.append(json.loads(line.removeprefix("data:")))
            if seen[-1]["state"] == "queued":
                held = room.claim()
                progress = TrainingProgress(TrainingPhase.TRAINING, 1, 20)
                room.repository.training_leases.renew({held: progress}, 60)
            elif seen[-1]["progress"]["phase"] == "training" and seen[-1]["result"] is None:
                room.finish(held, dice=0.9)
    assert seen[0]["state"] == "queued"
    assert seen[-1]["published_at"] is not None
