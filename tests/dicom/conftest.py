"""Receivers for the tests of this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dicom.receiver import Receiver


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Receiver]]:
    """Opens a receiver with these settings; closed at the end."""
    receivers: list[Receiver] = []

    def make(**changes: Any) -> Receiver:
        receivers.append(Receiver(tmp_path / "data", **changes))
        return receivers[-1]

    yield make
    for one in receivers:
        one.close()
