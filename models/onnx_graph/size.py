"""Sizes that grow with the image: the shape arithmetic of a graph is done with these.

Along one axis, the legal sizes of an image are `residue + n * align`. Any size inside the network
is then `base + slope * n`: an image of 8 n voxels has 4 n after a pooling by 2.
"""

from dataclasses import dataclass
from fractions import Fraction


class NeedsAlign(Exception):
    """The total stride of the network along `axis` is a multiple of `factor` times align."""

    def __init__(self, axis: int, factor: int) -> None:
        super().__init__(axis, factor)
        self.axis, self.factor = axis, factor


class UnknownSize(Exception):
    """The result is not of the form base + slope * n along one axis."""


@dataclass(frozen=True, slots=True)
class Size:
    """`base + slope * n`, where n counts legal sizes of the image along `axis`."""

    base: Fraction
    slope: Fraction = Fraction(0)
    axis: int | None = None
    """The image's spatial axis, from 0; None where slope is 0."""

    @property
    def fixed(self) -> bool:
        """Whether it is the same for every image."""
        return self.slope == 0

    def at(self, n: int) -> int:
        """Its value for the n-th legal size."""
        return int(self.base + self.slope * n)

    def __int__(self) -> int:
        """Its value; raises UnknownSize where it depends on the image or is not a whole number."""
        if not self.fixed or self.base.denominator != 1:
            raise UnknownSize
        return int(self.base)

    def __add__(self, other: "Size") -> "Size":
        return _sized(self.base + other.base, self.slope + other.slope, _common(self, other))

    def __sub__(self, other: "Size") -> "Size":
        return _sized(self.base - other.base, self.slope - other.slope, _common(self, other))

    def __mul__(self, other: "Size") -> "Size":
        if not other.fixed:
            self, other = other, self
        if not other.fixed:
            raise UnknownSize
        return _sized(self.base * other.base, self.slope * other.base, self.axis)

    def __truediv__(self, other: "Size") -> "Size":
        """Raises UnknownSize unless the quotient is the same for every image, or `other` is."""
        if other.fixed and other.base:
            return _sized(self.base / other.base, self.slope / other.base, self.axis)
        if other.slope and self.axis == other.axis:
            ratio = self.slope / other.slope
            if self.base == ratio * other.base:
                return Size(ratio)
        raise UnknownSize

    def __neg__(self) -> "Size":
        return _sized(-self.base, -self.slope, self.axis)

    def floor(self) -> "Size":
        """The next whole number below."""
        if self.axis is not None and self.slope.denominator != 1:
            raise NeedsAlign(self.axis, self.slope.denominator)
        return _sized(Fraction(self.base.__floor__()), self.slope, self.axis)

    def ceil(self) -> "Size":
        """The next whole number above."""
        return -(-self).floor()


def number(value: float | Fraction) -> Size:
    """A size that is the same for every image."""
    return Size(_exact(value))


def _sized(base: Fraction, slope: Fraction, axis: int | None) -> Size:
    return Size(base, slope, axis if slope else None)


def _common(one: Size, other: Size) -> int | None:
    if one.axis is not None and other.axis is not None and one.axis != other.axis:
        raise UnknownSize
    return other.axis if one.axis is None else one.axis


def _exact(value: float | Fraction) -> Fraction:
    """The fraction that a float stands for: 1/3 for 0.33333334."""
    if isinstance(value, Fraction):
        return value
    try:
        exact = Fraction(value)
    except (ValueError, OverflowError) as error:  # NaN or infinite
        raise UnknownSize from error
    simple = exact.limit_denominator(1024)
    return simple if abs(simple - exact) <= abs(exact) / 10**6 else exact
