"""The models that commands can use."""

from jobs.settings import Settings
from models.registry import Registry


def registry() -> Registry:
    """The shipped models and those of the data folder."""
    return Registry(Settings().added_models)
