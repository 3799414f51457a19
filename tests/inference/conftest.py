"""Small random networks."""

from collections.abc import Callable

import pytest
import torch

from models.export import export_network
from models.nets.config import UNetConfig
from models.nets.unet import UNet
from models.registry import Model, Registry
from models.training.config import CardFacts


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """`make_model(name, config, **card facts)`: seeded weights, exported once for each name."""
    made: dict[str, Model] = {}
    folder = tmp_path_factory.mktemp("models")

    def make(name: str, config: UNetConfig, **facts: object) -> Model:
        if name in made:
            return made[name]
        torch.manual_seed(7)
        numbers = range(1, config.out_channels)
        known = {
            "name": name,
            "title": "random weights, for tests",
            "channels": [{"name": "image", "components": config.in_channels}],
            "labels": [{"value": n, "name": f"l{n}", "color": "#ff0000"} for n in numbers],
            "outputs": list(range(config.out_channels)),
            "intensity": {"kind": "zscore"},
            "licence": "none",
        }
        card = CardFacts.model_validate(known | facts)
        export_network(UNet(config), card, folder / name)
        made[name] = Registry(folder, zoo=folder / "none").get(name)
        return made[name]

    return make
