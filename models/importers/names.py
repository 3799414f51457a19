"""Names of models and labels made from those of a source. Torch-free."""

import re

from models.label_color import label_color

__all__ = ["label_color", "model_name"]


def model_name(text: str) -> str:
    """A valid name of a model: lower case, other characters replaced by hyphens."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")
    return name[:64].rstrip("-._") or "imported"
