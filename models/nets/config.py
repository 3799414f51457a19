"""What a U-Net is made of, in plain numbers. Torch-free."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from imaging.errors import BadModel

KERNEL = 3


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """Defaults to the network of Ronneberger et al. 2015 (arXiv:1505.04597), figure 1.

    Raises BadModel where the numbers describe no U-Net.
    """

    dimension: Literal[2, 3] = 2
    in_channels: int = 1
    out_channels: int = 2
    encoder: tuple[tuple[int, ...], ...] = (
        (64, 64), (128, 128), (256, 256), (512, 512), (1024, 1024),
    )  # fmt: skip
    """Output channels of each 3-wide convolution, per level, finest level first; the last level is
    the bottom, and a 2x max-pool stands between two levels."""
    up: tuple[int, ...] = (512, 256, 128, 64)
    """Output channels of each 2x up-convolution, deepest first."""
    decoder: tuple[tuple[int, ...], ...] = ((512, 512), (256, 256), (128, 128), (64, 64))
    """As `encoder`, on the way up, deepest first."""
    padding: Literal["valid", "same"] = "valid"
    """`valid`: no convolution pads, skips are cropped. `same`: each pads with zeros."""
    batch_norm: bool = False
    up_bias: bool = True
    dropout: float = 0.0
    """At the end of the bottom level, as in the paper."""

    def __post_init__(self) -> None:
        levels = len(self.encoder)
        if levels < 1 or len(self.decoder) != levels - 1 or len(self.up) != levels - 1:
            raise BadModel(
                f"The U-Net has {levels} encoder levels, {len(self.up)} up-convolutions and "
                f"{len(self.decoder)} decoder levels.",
                expected="One up-convolution and one decoder level less than encoder levels.",
                todo="Give the channels of every level.",
            )
        channels = (self.in_channels, self.out_channels, *self.up, *sum(self.encoder, ()))
        if min(channels + sum(self.decoder, ())) < 1 or not all(self.encoder + self.decoder):
            raise BadModel(
                "A level of the U-Net has no convolution, or one without channels.",
                expected="At least one convolution per level and one channel per convolution.",
                todo="Give the channels of every level.",
            )

    @classmethod
    def plain(cls, widths: tuple[int, ...], convolutions: int = 2, **others: Any) -> Self:
        """One width per level, the same number of convolutions on each."""
        levels = tuple((width,) * convolutions for width in widths)
        return cls(encoder=levels, up=widths[-2::-1], decoder=levels[-2::-1], **others)

    @classmethod
    def unet3d(cls, **others: Any) -> Self:
        """The network of Çiçek et al. 2016 (arXiv:1606.06650), figure 2: 3 channels in, 3 out."""
        config = cls(
            dimension=3,
            in_channels=3,
            out_channels=3,
            encoder=((32, 64), (64, 128), (128, 256), (256, 512)),
            up=(512, 256, 128),
            decoder=((256, 256), (128, 128), (64, 64)),
            batch_norm=True,
            up_bias=False,
        )
        return replace(config, **others)

    @property
    def crops(self) -> tuple[int, ...]:
        """Voxels that each skip loses on each side before it is joined, deepest first.

        What the path below takes away at its own resolution counts double one level higher, and
        none of it depends on the input's size.
        """
        if self.padding == "same":
            return (0,) * len(self.decoder)
        found: list[int] = []
        lost = len(self.encoder[-1]) * (KERNEL // 2)
        for down, up in zip(self.encoder[-2::-1], self.decoder, strict=True):
            found.append(2 * lost)
            lost = 2 * lost + (len(down) + len(up)) * (KERNEL // 2)
        return tuple(found)
