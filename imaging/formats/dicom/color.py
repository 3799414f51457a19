"""Colours of segments in the colour spaces that DICOM uses."""

from collections.abc import Sequence

import numpy as np

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
"""Linear sRGB -> XYZ under D65 (IEC 61966-2-1)."""
_TO_D50 = np.array(
    [[1.0478112, 0.0228866, -0.0501270], [0.0295424, 0.9904844, -0.0170491],
     [-0.0092345, 0.0150436, 0.7521316]]
)  # fmt: skip
"""Bradford adaptation to D50, the white of the profile connection space (PS3.3 C.10.7.1.1)."""
_D50 = np.array([0.96422, 1.0, 0.82521])


def rgb(color: str) -> tuple[int, int, int]:
    """#rrggbb -> 0..255."""
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue


def cielab(color: str) -> tuple[float, float, float]:
    """#rrggbb, sRGB -> L* (0..100), a* and b* under D50."""
    values = np.array(rgb(color)) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    scaled = _TO_D50 @ _TO_XYZ @ linear / _D50
    cube = np.where(scaled > (6 / 29) ** 3, np.cbrt(scaled), scaled / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = (float(n) for n in cube)
    return max(0.0, 116 * y - 16), 500 * (x - y), 200 * (y - z)


def hex_of_cielab(stored: Sequence[int]) -> str:
    """#rrggbb of Recommended Display CIELab Value: three numbers of 16 bits (C.10.7.1.1)."""
    lightness, a, b = (float(n) / 65535 for n in stored)
    y = (100 * lightness + 16) / 116
    cube = np.array([y + (255 * a - 128) / 500, y, y - (255 * b - 128) / 200])
    scaled = np.where(cube > 6 / 29, cube**3, 3 * (6 / 29) ** 2 * (cube - 4 / 29))
    linear = np.clip(np.linalg.inv(_TO_D50 @ _TO_XYZ) @ (scaled * _D50), 0, 1)
    values = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * float(n)):02x}" for n in values)
