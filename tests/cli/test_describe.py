"""What `tessera models describe` says, against the network itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cli.main import main
from models.nets.cost import cost
from models.nets.unet import UNet
from models.training.config import TrainingConfig

CONFIGS = Path(__file__).parents[2] / "models" / "training" / "configs"
NETWORK = """[network]
dimension = 3
out_channels = 3
widths = [16, 32, 64]
"""
TEXT = re.sub(
    r"\[network\].*?\n(?=\n)",
    NETWORK,
    (CONFIGS / "hippocampus-mri-3d.toml").read_text(),
    flags=re.DOTALL,
)
"""A shipped configuration, but of a network that stays as it is."""
CHANGED = """
block = "inception"
bottleneck = "pyramid"
skip = "nested"
upsampling = "interpolation"
squeeze_excite = true
"""


@pytest.fixture(params=["", 'block = "shuffle"', CHANGED], ids=["shipped", "shuffle", "changed"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    text = TEXT.replace("[network]", f"[network]\n{request.param}")
    for volume, picture in (
        ("dimension = 3", "dimension = 2"),
        ("spacing_mm = [1.0, 1.0, 1.0]\n", ""),
        ("output = [40, 56, 40]", "output = [40, 56]"),
        ("rotation_degrees = [3, 15, 3]", "rotation_degrees = 15"),
    ):
        text = text.replace(volume, picture)
    text = re.sub(r", trained_on = \{.*\} \}\]", " }]", text)  # its ranges have three axes
    path.write_text(text)
    return path


def described(config: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[list[str]]:
    """The cells of each line that is printed."""
    with pytest.raises(SystemExit) as end:
        main(["models", "describe", str(config), *options])
    assert not end.value.code
    lines = capsys.readouterr().out.splitlines()
    return [re.split(r"\s{2,}", line.strip()) for line in lines]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_every_layer_is_of_the_size_that_torch_gives_it(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = described(config, capsys, "--tile", "110")
    unet = TrainingConfig.load(config).network.unet()
    network = UNet(unet).eval()
    sizes: dict[str, str] = {}

    def note(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, values: Tensor) -> None:
            sizes[name] = "x".join(map(str, values.shape[2:]))

        return hook

    for name, module in network.named_modules():
        module.register_forward_hook(note(name))
    shown = {line[0]: line[3] for line in lines[1:] if len(line) > 4}
    size = [int(n) for n in shown["image"].split("x")]
    assert size[0] >= 110
    with torch.no_grad():
        network(torch.zeros(1, 1, *size))
    names = shown.keys() & sizes.keys()
    assert len(names) == len(shown) - 1 > 15
    assert {name: shown[name] for name in names} == {name: sizes[name] for name in names}


def test_the_layers_add_up_to_the_totals(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = described(config, capsys)
    costs = cost(TrainingConfig.load(config).network.unet())
    numbers = [cell.replace(",", "") for line in lines[1:] for cell in line[5:]]
    assert sum(int(n) for n in numbers if "." not in n) == costs.parameters
    work = sum(float(n) for n in numbers if "." in n)
    assert work == pytest.approx(costs.multiply_adds_per_voxel, abs=0.005 * len(numbers))
    shown = {line[0]: line[1] for line in lines if len(line) == 2}
    assert shown["parameters"] == f"{costs.parameters:,}"
    assert shown["multiply-adds"] == f"{costs.multiply_adds_per_voxel:,.0f} per output voxel"


def test_the_documentation_shows_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    smaller = 'widths = [16, 32]\nblock = "separable"'
    path.write_text(TEXT.replace("widths = [16, 32, 64]", smaller))
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "networks.md").read_text()
    (shown,) = re.findall(r"```\n(layer .*?)\n```", page, re.DOTALL)
    cells = [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines()]
    assert cells == described(path, capsys, "--tile", "64")


@pytest.mark.process
def test_it_needs_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    script = (
        "import sys; from cli.main import tessera; "
        f"tessera.main(['models', 'describe', {str(path)!r}], standalone_mode=False); "
        "assert not {'torch', 'onnx', 'onnxruntime'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "halo 20, align 4, legal sizes 44 + n * 4" in done.stdout
    assert "yes: all layers are local" in done.stdout


def test_a_network_that_looks_at_the_whole_tile_is_said_not_to_be_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEXT.replace("[network]", "[network]\nsqueeze_excite = true"))
    shown = {line[0]: line for line in described(path, capsys)}
    assert shown["exact"][1].startswith("no")
    assert shown["head"][4] == "the tile"
    assert shown["encoder.0.conv2"][4] == "5"
