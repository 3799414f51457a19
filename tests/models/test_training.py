"""Training on small data made here: it learns, it resumes, it says where it comes from."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from imaging.errors import BadRequest
from models.card import ModelCard
from models.export import export
from models.nets.receptive_field import ReceptiveField
from models.nets.unet import UNet
from models.registry import ZOO
from models.training.checkpoint import BEST, LAST
from models.training.config import TrainingConfig
from models.training.data import Case
from models.training.evaluate import scores
from models.training.train import HELD_OUT, HISTORY, train
from tests.support.training_data import blobs, write_config

pytestmark = [pytest.mark.slow, pytest.mark.process]  # a training asks git for the commit


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of 60 steps, which tests copy or only read."""
    folder = tmp_path_factory.mktemp("learnt")
    train(write_config(folder), folder / "out", data=blobs(folder))
    return folder / "out"


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_it_learns_what_it_is_shown(tmp_path: Path, learnt: Path, padding: str) -> None:
    out = learnt
    if padding == "valid":
        out = tmp_path / "out"
        train(write_config(tmp_path, padding=padding), out, data=blobs(tmp_path))
    figures = torch.load(out / BEST, weights_only=True)["figures"]
    history = [json.loads(line) for line in (out / HISTORY).read_text().splitlines()]
    assert [line["step"] for line in history] == list(range(5, 61, 5))
    assert figures["dice"] == max(line["dice"] for line in history)
    assert figures["dice"] > 0.85
    held_out = set((out / HELD_OUT).read_text().split())
    assert len(held_out) == 2
    assert held_out < {str(number) for number in range(6)}


def test_regions_are_learnt_and_painted(tmp_path: Path) -> None:
    """The ball, and what is not the ball, as two sigmoid regions; the later is painted over."""
    config, data = write_config(tmp_path, steps=200), blobs(tmp_path)
    text = config.read_text().replace(
        "outputs = [0, 1]", 'outputs = [2, 1]\nactivation = "sigmoid"'
    )
    label = '{ value = 1, name = "blob", color = "#ff0000" }'
    text = text.replace(label, f'{label}, {{ value = 2, name = "rest", color = "#00ff00" }}')
    text = text.replace("[network]", "regions = [[0, 1], [1]]\n[network]")
    config.write_text(text)
    best = train(config, tmp_path / "out", data=data)
    assert torch.load(best, weights_only=True)["figures"]["dice_1"] > 0.85
    config.write_text(text.replace("regions = [[0, 1], [1]]", "regions = [[1]]"))
    with pytest.raises(BadRequest, match=r"data\.regions needs 2"):
        train(config, tmp_path / "out", data=data)


def test_objects_are_learnt_and_picked_by_their_precision(tmp_path: Path) -> None:
    """Given numbered balls, then inside and rim are learnt, and whole objects are found again."""
    config, data = write_config(tmp_path, steps=100), blobs(tmp_path)
    text = config.read_text().replace("outputs = [0, 1]", "outputs = [0, 1, 1]")
    text = text.replace("[data]", "instances = { seed = 1, rim = 2 }\n[data]")
    text = text.replace("out_channels = 2", "out_channels = 3")
    config.write_text(text)
    with pytest.raises(BadRequest, match=r"data\.target"):
        train(config, tmp_path / "out", data=data)
    config.write_text(text.replace("[network]", 'target = "instances"\n[network]'))
    best = train(config, tmp_path / "out", data=data)
    figures = torch.load(best, weights_only=True)["figures"]
    history = [json.loads(line) for line in (tmp_path / "out" / HISTORY).read_text().splitlines()]
    assert figures["ap"] == max(line["ap"] for line in history)
    assert figures["ap_50"] == 1
    assert figures["dice"] > 0.8


def same_weights(one: Path, other: Path) -> None:
    """Bit for bit: the network, its moving average, the optimiser's own state."""
    ours, theirs = (torch.load(path / LAST, weights_only=True) for path in (one, other))
    assert ours["step"] == theirs["step"]
    for key in ("network", "average"):
        for name, weights in ours[key].items():
            assert torch.equal(weights, theirs[key][name]), name
    for number, state in ours["optimiser"]["state"].items():
        assert torch.equal(state["exp_avg"], theirs["optimiser"]["state"][number]["exp_avg"])


def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    """SIGKILL, half way and after a checkpoint, to the command itself; then the same command."""
    config, data = write_config(tmp_path, steps=40), blobs(tmp_path)
    out = tmp_path / "parts"
    command = [sys.executable, "-P", "-c", "from cli.main import main; main()", "train"]
    command += [str(config), "--data", str(data), "-o", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        deadline = time.monotonic() + 120
        while steps_noted(out) < 15 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert 15 <= steps_noted(out) < 40
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "step 40 of 40" in done.stderr

    train(config, tmp_path / "whole", data=data)
    same_weights(tmp_path / "whole", out)


def test_a_training_that_is_not_the_same_is_not_gone_on_with(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, steps=6), blobs(tmp_path)
    text = config.read_text()
    train(config, tmp_path / "out", data=data)
    for old, new, named in (
        ("steps = 6", "steps = 12", "optimisation"),
        ("widths = [4, 8]", "widths = [4, 12]", "network"),
        ("seed = 1", "seed = 2", "seed"),
    ):
        config.write_text(text.replace(old, new))
        with pytest.raises(BadRequest, match=f"another configuration: {named}"):
            train(config, tmp_path / "out", data=data)
    config.write_text(text)
    other = (data / "labels" / "0.nii.gz").read_bytes()
    (data / "labels" / "0.nii.gz").write_bytes((data / "labels" / "2.nii.gz").read_bytes())
    with pytest.raises(BadRequest, match="other data"):
        train(config, tmp_path / "out", data=data)
    (data / "labels" / "0.nii.gz").write_bytes(other)
    last = tmp_path / "out" / LAST
    last.write_bytes(last.read_bytes()[:3000])
    with pytest.raises(BadRequest, match="cannot be read"):
        train(config, tmp_path / "out", data=data)


@pytest.mark.parametrize(("padding", "legal"), [("same", 16), ("valid", 18)])
def test_windows_that_the_network_cannot_give_are_refused(
    tmp_path: Path, padding: str, legal: int
) -> None:
    config, data = write_config(tmp_path, padding=padding), blobs(tmp_path)
    config.write_text(config.read_text().replace("[16, 16, 12]", f"[{legal - 1}, 16, 12]"))
    with pytest.raises(BadRequest, match=rf"output.*\[{legal}, 16, 12\]"):
        train(config, tmp_path / "out", data=data)


def steps_noted(out: Path) -> int:
    """Up to where its history goes."""
    history = out / HISTORY
    lines = history.read_text().splitlines() if history.exists() else []
    return int(json.loads(lines[-1])["step"]) if lines else 0


def test_a_training_says_where_it_comes_from(tmp_path: Path) -> None:
    """Other data, or another configuration, and the card says other things."""
    config, data = write_config(tmp_path, steps=1), blobs(tmp_path)
    text = config.read_text().replace('images = "images"', f'images = "{data / "images"}"')
    config.write_text(text)
    told = torch.load(train(config, tmp_path / "a", data=data), weights_only=True)["training"]
    assert told["config"]["data"] == {"images": "images", "labels": "labels", "validation": 2}
    assert told["config"]["optimisation"]["steps"] == 1
    assert told["code"]
    assert told["torch"] == torch.__version__
    (tmp_path / "labels" / "0.nii.gz").write_bytes((tmp_path / "labels" / "2.nii.gz").read_bytes())
    other = torch.load(train(config, tmp_path / "b", data=data), weights_only=True)["training"]
    card = export(tmp_path / "a" / BEST, tmp_path / "served")
    assert card.training is not None
    assert card.training.model_dump() == told
    assert ModelCard.load(tmp_path / "served" / "card.json") == card
    assert told["data_sha256"] != other["data_sha256"]


def test_a_card_counts_cases_that_were_held_out_by_name(tmp_path: Path) -> None:
    """A case's name may be a patient's."""
    config, data = write_config(tmp_path, steps=1), blobs(tmp_path)
    config.write_text(config.read_text().replace("validation = 2", 'validation = ["0", "3", "4"]'))
    kept = torch.load(train(config, tmp_path / "out", data=data), weights_only=True)["training"]
    assert kept["config"]["data"]["validation"] == 3


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, steps=40), blobs(tmp_path)
    config.write_text(config.read_text().replace("learning_rate = 1e-2", "learning_rate = 1e30"))
    with pytest.raises(BadRequest, match="not finite at step"):
        train(config, tmp_path / "out", data=data)


@pytest.mark.parametrize("steps", [1, 4, 5, 6])
def test_however_few_steps_there_is_a_rate_for_each(tmp_path: Path, steps: int) -> None:
    config, data = write_config(tmp_path, steps=steps), blobs(tmp_path)
    (data / "images" / ".cache").mkdir()  # a folder is no case
    train(config, tmp_path / "out", data=data)
    assert steps_noted(tmp_path / "out") == steps


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_asked_for_in_vain(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, steps=1), blobs(tmp_path)
    config.write_text(f'{config.read_text()}device = "cuda"\n')
    with pytest.raises(BadRequest, match="CUDA"):
        train(config, tmp_path / "out", data=data)


def test_patience_comes_to_an_end(tmp_path: Path) -> None:
    """Given a network that cannot get better, it is evaluated that often in vain and no more."""
    config, data = write_config(tmp_path, steps=60), blobs(tmp_path)
    text = config.read_text().replace("learning_rate = 1e-2", "learning_rate = 0.0")
    config.write_text(f"{text}patience = 2\n")
    train(config, tmp_path / "out", data=data)
    history = [json.loads(line) for line in (tmp_path / "out" / HISTORY).read_text().splitlines()]
    best = max(range(len(history)), key=lambda n: history[n]["dice"])
    assert len(history) == best + 3 < 12


def test_curves_can_be_looked_at(tmp_path: Path) -> None:
    """TensorBoard's own reader finds each step's loss once, also after a stop."""
    config, data = write_config(tmp_path, steps=10), blobs(tmp_path)

    def stop(report: dict[str, float]) -> None:
        if report["step"] == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "out", stop, data=data)
    stopped = int(time.time())
    while int(time.time()) == stopped:  # files of one second are read in the order of 10, 9
        time.sleep(0.02)
    train(config, tmp_path / "out", data=data)
    curves = EventAccumulator(str(tmp_path / "out"))
    curves.Reload()
    assert [point.step for point in curves.Scalars("loss")] == list(range(1, 11))
    assert [point.step for point in curves.Scalars("dice")] == [5, 10]


def test_a_pupil_takes_over_what_its_teachers_say(tmp_path: Path, learnt: Path) -> None:
    """Given labels that say nothing and two teachers, one larger, it learns from these alone."""
    first, data = write_config(tmp_path), blobs(tmp_path)
    shutil.copytree(learnt, tmp_path / "teacher1")
    larger = re.sub("widths = .*", 'widths = [6, 12]\nblock = "residual"', first.read_text())
    first.write_text(larger.replace("seed = 1", "seed = 2"))
    train(first, tmp_path / "teacher2", data=data)
    pupil = write_config(tmp_path)
    pupil.write_text(
        pupil.read_text()
        + "[loss]\ndice = 0.0\ncross_entropy = 0.0\ndistillation = 1.0\n"
        + 'teachers = ["teacher1/best.pt", "teacher2/best.pt"]\n'
    )
    best = train(pupil, tmp_path / "pupil", data=data)
    assert torch.load(best, weights_only=True)["figures"]["dice"] > 0.8
    pupil.write_text(pupil.read_text().replace("teacher2/best.pt", "config.toml"))
    with pytest.raises(BadRequest, match="start from"):
        train(pupil, tmp_path / "none", data=data)
    pupil.write_text(pupil.read_text().replace("config.toml", "teacher2/best.pt"))
    pupil.write_text(pupil.read_text().replace('"same"', '"valid"'))
    with pytest.raises(BadRequest, match="A teacher does not predict"):
        train(pupil, tmp_path / "none", data=data)


@pytest.mark.parametrize("start", ["first/best.pt", "served/model.onnx"])
def test_a_training_can_begin_from_another(tmp_path: Path, learnt: Path, start: str) -> None:
    """From a checkpoint, or from a model as it is served."""
    data = blobs(tmp_path)
    shutil.copytree(learnt, tmp_path / "first")
    export(tmp_path / "first" / BEST, tmp_path / "served")
    second = write_config(tmp_path, steps=1)
    text = second.read_text().replace("learning_rate = 1e-2", "learning_rate = 1e-9")
    second.write_text(f'{text}start = "{start}"\n')
    train(second, tmp_path / "second", data=data)
    old, new = (
        torch.load(tmp_path / name / BEST, weights_only=True) for name in ("first", "second")
    )
    for name, weights in old["weights"].items():
        if "running" not in name and "tracked" not in name:
            assert torch.allclose(weights, new["weights"][name], atol=1e-6), name
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    torch.save({"weights": 3}, tmp_path / "three.pt")
    faults = ("nowhere.pt", "nowhere.onnx", "config.toml", "other.onnx", "tensor.pt", "three.pt")
    for fault in faults:
        shutil.copyfile(ZOO / "nuclei-2d" / "model.onnx", tmp_path / "other.onnx")
        second.write_text(f'{text}start = "{fault}"\n')
        with pytest.raises(BadRequest, match="start from"):
            train(second, tmp_path / "third", data=data)


def test_a_training_can_begin_from_the_mean_of_others(tmp_path: Path, learnt: Path) -> None:
    """Which is measured at once: here the mean of a network and two that stray from it."""
    data = blobs(tmp_path)
    shutil.copytree(learnt, tmp_path / "0")
    state = torch.load(tmp_path / "0" / BEST, weights_only=True)
    for folder, sign in (("1", 0.2), ("2", -0.2)):
        (tmp_path / folder).mkdir()
        strayed = {
            name: values + sign * values.abs() if "weight" in name else values
            for name, values in state["weights"].items()
        }
        torch.save(state | {"weights": strayed}, tmp_path / folder / BEST)
    mean = write_config(tmp_path, steps=1)
    mean.write_text(
        mean.read_text().replace("learning_rate = 1e-2", "learning_rate = 3.0")
        + 'start = ["0/best.pt", "1/best.pt", "2/best.pt"]\n'
    )
    found = torch.load(train(mean, tmp_path / "mean", data=data), weights_only=True)
    for name, weights in state["weights"].items():
        assert torch.allclose(weights, found["weights"][name], rtol=1e-5, atol=1e-6), name
    figures = [json.loads(line) for line in (tmp_path / "mean" / HISTORY).read_text().splitlines()]
    assert [line["step"] for line in figures] == [0, 1]
    assert found["figures"]["steps"] == 0
    assert figures[0]["dice"] == pytest.approx(state["figures"]["dice"], abs=1e-3)
    assert figures[0]["dice"] > figures[1]["dice"]
    for folder in ("0", "1", "2"):
        shutil.rmtree(tmp_path / folder)
    train(mean, tmp_path / "mean", data=data)  # what it began from is not asked for again


def test_the_border_between_classes_can_be_moved(tmp_path: Path) -> None:
    """What is measured and exported decides otherwise; what is learnt is the same."""
    config, data = write_config(tmp_path, steps=5), blobs(tmp_path)
    logits, figures = [], []
    for folder in (tmp_path / "plain", tmp_path / "moved"):
        best = train(config, folder, data=data)
        figures.append(torch.load(best, weights_only=True)["figures"]["dice"])
        export(best, folder)
        session = onnxruntime.InferenceSession(folder / "model.onnx")
        logits.append(session.run(None, {"image": np.zeros((1, 1, 8, 8, 8), np.float32)})[0])
        config.write_text(
            config.read_text().replace("[network]", "[network]\nlogit_offsets = [99, -0.5]")
        )
    assert figures[0] > figures[1] == 0  # all is background
    moved = np.moveaxis(logits[1] - logits[0], 1, -1)
    np.testing.assert_allclose(moved, np.full_like(moved, (99, -0.5)), atol=1e-4)


def test_batch_norm_goes_by_what_it_remembers_once_it_is_told_to(tmp_path: Path) -> None:
    """Its statistics stand still from then on; and what is learnt is learnt for serving."""
    config, data = write_config(tmp_path, steps=60), blobs(tmp_path)
    config.write_text(f"{config.read_text()}norm_until = 0.5\n")
    remembered = []

    def look(report: dict[str, float]) -> None:
        if report["step"] % 5 == 0:
            state = torch.load(tmp_path / "out" / LAST, weights_only=True)["network"]
            remembered.append(state["encoder.0.norm1.running_mean"])

    best = train(config, tmp_path / "out", look, data=data)
    assert not torch.equal(remembered[0], remembered[4])
    assert all(torch.equal(remembered[6], later) for later in remembered[7:])
    assert torch.load(best, weights_only=True)["figures"]["dice"] > 0.85


def test_the_average_forgets_how_it_began(tmp_path: Path) -> None:
    """After a few steps at a decay of 0.999 it is near the network, not near its random start."""
    config, data = write_config(tmp_path, steps=20), blobs(tmp_path)
    config.write_text(config.read_text().replace("averaging = 0.8", "averaging = 0.999"))
    train(config, tmp_path / "out", data=data)
    state = torch.load(tmp_path / "out" / LAST, weights_only=True)
    torch.manual_seed(1)
    start = UNet(TrainingConfig.load(config).network.unet()).state_dict()
    name = "head.weight"
    average, now = state["average"][f"module.{name}"], state["network"][name]
    assert (average - now).norm() < 0.3 * (start[name] - now).norm()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("widths = [4, 8]", "width = [4, 8]", "network.width"),
        ("steps = 60", "steps = 0", "optimisation.steps"),
        ('kind = "zscore"', 'kind = "percentile"', "card.intensity"),
        ("seed = 1", "seed = [", "TOML"),
        ("outputs = [0, 1]", "outputs = [1, 0]", "background"),
        ("outputs = [0, 1]", 'outputs = [0, 1]\norientation = "LPS"', "card.orientation needs RAS"),
        ("outputs = [0, 1]", 'outputs = [1]\nactivation = "sigmoid"', "data.regions needs 1"),
        ("widths = [4, 8]", 'widths = [4, 8]\nblock = "transformer"', "network.block"),
        ("widths = [4, 8]", "widths = [4, 8]\nin_channels = 2", "in_channels needs 1"),
        ("out_channels = 2", "out_channels = 3", "out_channels needs 2"),
        ("[network]", "[network]\nlogit_offsets = [0.5]", "logit_offsets needs 2"),
        ("[augmentation]", "[loss]\nmirrors = [3]\n[augmentation]", "loss.mirrors"),
        ("[augmentation]", "[loss]\nmirrors = [1, 1]\n[augmentation]", "loss.mirrors needs axes"),
        ("rotation_degrees = 10", "rotation_degrees = [1, 2]", "one number, or one per plane"),
        ("[network]", "label_offset = [nan, 0, 0]\n[network]", "data.label_offset"),
        ("[network]", "label_offset = [0.5]\n[network]", "label_offset needs one number"),
        ("[1.0, 1.0, 2.0]", "[1.0, 1.0]", "spacing_mm needs 3"),
        ("[data]", "instances = { seed = 1, rim = 2 }\n[data]", "seed and rim"),
        ('{ name = "t1" }', '{ name = "t1" }, { name = "t1" }', "each name once"),
        ("seed = 1", "seed = -1", "seed"),
        ("validation = 2", 'validation = 2\npatient = "(("', "not a valid regular expression"),
        ("threads = 1", "threads = -1", "optimisation.threads"),
        ("learning_rate = 1e-2", "learning_rate = nan", "optimisation.learning_rate"),
        ("noise = 0.1", "noise = -0.1", "augmentation.noise"),
        ("[augmentation]", "[synthesis]\ncommon = 0.5\n[augmentation]", "synthesis.contrasts"),
        ("[augmentation]", "[synthesis]\n[loss]\nborder = 1.0\n[augmentation]", "weighted voxels"),
    ],
)
def test_an_unsound_configuration_is_refused_by_field(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = write_config(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BadRequest, match=named):
        TrainingConfig.load(path)


def test_the_shipped_configurations_are_sound() -> None:
    folder = Path(train.__code__.co_filename).parent / "configs"
    names = {TrainingConfig.load(path).card.name for path in folder.glob("*.toml")}
    assert names == {"brain-mri-3d", "em-membrane-2d", "hippocampus-mri-3d", "nuclei-2d"}


def test_figures_go_by_what_the_outputs_paint(tmp_path: Path) -> None:
    """Given a label whose value is not its output's number, its Dice is that of the same voxels.

    Two outputs may paint one label: which of them won is then no mistake.
    """
    path = write_config(tmp_path)
    text = path.read_text().replace("value = 1", "value = 5")
    text = text.replace("out_channels = 2", "out_channels = 3")
    path.write_text(text.replace("outputs = [0, 1]", "outputs = [0, 5, 5]"))
    config = TrainingConfig.load(path)
    label = np.array([[0, 1], [2, 0]], np.int32)
    case = Case("a", np.zeros((1, 2, 2), np.float32), label)
    field = ReceptiveField("same", 0, 0, 1, 1)
    for found, expected in (([[0, 2], [1, 0]], 1.0), ([[0, 1], [0, 0]], 2 / 3), ([[0, 0]] * 2, 0)):
        network = Fixed(torch.eye(3)[torch.tensor(found)].movedim(-1, 0)[None])
        figures = scores(network, field, config, case)
        assert figures == pytest.approx(dict.fromkeys(("dice_5", "dice", "dice_all"), expected))


class Fixed(torch.nn.Module):
    """Gives the same logits for any image."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, _image: torch.Tensor) -> torch.Tensor:
        return self.logits
