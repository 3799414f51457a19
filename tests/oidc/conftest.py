"""Models for gateways whose tests need none."""

from pathlib import Path

import pytest

from tests.support.cards import write_cards


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cards alone."""
    return write_cards(tmp_path_factory.mktemp("models"))
