"""Whether a worker can train: what the extra `train` installs is there."""

from importlib.util import find_spec

from jobs.settings import Settings

_NEEDED = ("torch", "monai", "onnx", "onnxruntime")


def trains(settings: Settings) -> bool:
    """Whether the worker runs trainings; imports nothing."""
    return settings.training and all(find_spec(name) is not None for name in _NEEDED)
