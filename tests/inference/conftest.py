"""Small random networks."""

from collections.abc import Callable
from typing import Any

import pytest

from models.nets.config import UNetConfig
from models.registry import Model
from tests.support.instance_norm import InstanceNormNetwork, MakeWindowed, instance_norm_model
from tests.support.networks import exported, random_network


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """`make_model(name, config, **card facts)`: seeded weights, exported once for each name."""
    made: dict[str, Model] = {}
    folder = tmp_path_factory.mktemp("models")

    def make(name: str, config: UNetConfig, **facts: Any) -> Model:
        if name not in made:
            made[name] = exported(random_network(config, seed=7), config, name, folder, **facts)
        return made[name]

    return make


@pytest.fixture(scope="session")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> MakeWindowed:
    """Models with instance norm that run in windows, with their torch networks."""

    def make(windows: dict[str, Any], **facts: Any) -> tuple[Model, InstanceNormNetwork]:
        return instance_norm_model(tmp_path_factory.mktemp("w") / "windowed", windows, **facts)

    return make
