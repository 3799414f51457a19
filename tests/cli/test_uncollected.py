"""Imports without garbage collection."""

import gc
from contextlib import suppress

from cli.uncollected import uncollected


def test_the_collector_is_as_it_was_before() -> None:
    with suppress(ModuleNotFoundError), uncollected():
        assert not gc.isenabled()
        raise ModuleNotFoundError
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
