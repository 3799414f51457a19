"""Colours of labels for which nobody chose one."""

from colorsys import hls_to_rgb

_GOLDEN = 0.6180339887
"""Hues this far apart differ for any number of labels."""


def label_color(number: int) -> str:
    """`#rrggbb` for label `number`."""
    rgb = hls_to_rgb(number * _GOLDEN % 1.0, 0.5, 0.7)
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)
