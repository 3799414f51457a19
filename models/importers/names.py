"""Names of models and labels made from those of a source. Torch-free."""

import re


def model_name(text: str) -> str:
    """A valid name of a model: lower case, other characters replaced by hyphens."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")
    return name[:64].rstrip("-._") or "imported"


def label_color(index: int) -> str:
    """A colour for label `index` where the source gives none: hues a golden angle apart."""
    import colorsys

    red, green, blue = colorsys.hls_to_rgb(index * 0.6180339887 % 1.0, 0.5, 0.7)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
