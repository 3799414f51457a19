"""Names of models and labels made from those of a source. Torch-free."""

import re


def model_name(text: str) -> str:
    """A valid name of a model: lower case, other characters replaced by hyphens."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")
    return name[:64].rstrip("-._") or "imported"
