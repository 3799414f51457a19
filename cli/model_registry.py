"""The models that commands can use."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from jobs.private_files import creating_private
from jobs.settings import Settings
from models.registry import Registry


def registry() -> Registry:
    """The shipped models and those of the data folder."""
    return Registry(Settings().added_models)


@contextmanager
def changing_registry() -> Iterator[Registry]:
    """The same, to change it: what is stored in the data folder meanwhile is private.

    A folder of models outside the data folder may be for several users, whose umask decides.
    """
    settings = Settings()
    with nullcontext() if settings.models else creating_private(settings.data):
        yield registry()
