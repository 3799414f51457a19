"""The engine that commands use on this machine."""

from cli.model_registry import registry
from imaging.formats.limits import Limits
from inference.engine import Engine
from jobs.private_files import private_cache
from jobs.settings import Settings


def engine_of_settings() -> Engine:
    """An engine with the registry, device, limits and cache of the settings."""
    settings = Settings()
    return Engine(
        registry(),
        settings.device,
        settings.memory_bytes,
        settings.threads,
        limits=Limits(settings.max_voxels, settings.max_pixels, settings.max_unpacked_bytes),
        cache=private_cache(settings.cache_folder),
    )
