"""What a U-Net is made of, in plain numbers and names. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from imaging.errors import BadModel

Padding = Literal["valid", "same"]
Block = Literal[
    "plain", "residual", "dense", "inception", "fire", "separable", "shuffle", "dilated"
]
Bottleneck = Literal["none", "aspp", "pyramid"]
Skip = Literal["concatenate", "add", "nested"]
Upsampling = Literal["transposed", "interpolation"]
Activation = Literal["relu", "leaky_relu", "elu"]
CHOICES = {
    "padding": Padding,
    "block": Block,
    "bottleneck": Bottleneck,
    "skip": Skip,
    "upsampling": Upsampling,
    "activation": Activation,
}


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """Defaults to the network of Ronneberger et al. 2015 (arXiv:1505.04597), figure 1.

    Raises BadModel where the numbers describe no U-Net, or a name is not one of its choices.
    """

    dimension: Literal[2, 3] = 2
    in_channels: int = 1
    out_channels: int = 2
    encoder: tuple[tuple[int, ...], ...] = (
        (64, 64), (128, 128), (256, 256), (512, 512), (1024, 1024),
    )  # fmt: skip
    """Output channels of each step of a block, per level, finest level first; the last level is
    the bottom, and a 2x max-pool stands between two levels."""
    up: tuple[int, ...] = (512, 256, 128, 64)
    """Output channels of each way up by 2, deepest first."""
    decoder: tuple[tuple[int, ...], ...] = ((512, 512), (256, 256), (128, 128), (64, 64))
    """As `encoder`, on the way up, deepest first; every node of a nested level is alike."""
    padding: Padding = "valid"
    """`valid`: no convolution pads, what meets is cropped. `same`: each pads with zeros."""
    block: Block = "plain"
    """What a level is built from; `models.nets.blocks` describes each."""
    squeeze_excite: bool = False
    """Each block's maps are weighed by what their means over the whole tile say: not exact."""
    bottleneck: Bottleneck = "none"
    """Below the deepest level; `models.nets.bottlenecks` describes each."""
    skip: Skip = "concatenate"
    """How the two sides meet: joined (arXiv:1505.04597), added, or nested (arXiv:1807.10165)."""
    upsampling: Upsampling = "transposed"
    """A 2-wide transposed convolution of stride 2; or a 1x1 convolution, linearly interpolated."""
    activation: Activation = "relu"
    batch_norm: bool = False
    up_bias: bool = True
    dropout: float = 0.0
    """At the end of the bottom level, as in the paper."""

    def __post_init__(self) -> None:
        levels = len(self.encoder)
        if levels < 1 or len(self.decoder) != levels - 1 or len(self.up) != levels - 1:
            raise BadModel(
                f"The U-Net has {levels} encoder levels, {len(self.up)} ways up and "
                f"{len(self.decoder)} decoder levels.",
                expected="One way up and one decoder level less than encoder levels.",
                hint="Give the channels of every level.",
            )
        channels = (self.in_channels, self.out_channels, *self.up, *sum(self.encoder, ()))
        if min(channels + sum(self.decoder, ())) < 1 or not all(self.encoder + self.decoder):
            raise BadModel(
                "A level of the U-Net has no convolution, or one without channels.",
                expected="At least one convolution per level and one channel per convolution.",
                hint="Give the channels of every level.",
            )
        for field, choices in CHOICES.items():
            if getattr(self, field) not in get_args(choices):
                raise BadModel(
                    f"The U-Net's {field} is {getattr(self, field)!r}.",
                    expected=f"One of {', '.join(get_args(choices))}.",
                    hint="Name one of these.",
                )

    @classmethod
    def of_widths(cls, widths: tuple[int, ...], convolutions: int = 2, **others: Any) -> Self:
        """One width per level, the same number of convolutions (steps of a block) on each."""
        levels = tuple((width,) * convolutions for width in widths)
        return cls(encoder=levels, up=widths[-2::-1], decoder=levels[-2::-1], **others)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """From its fields as plain values, lists for tuples (`dataclasses.asdict`)."""
        plain = dict(fields)
        for name in ("encoder", "decoder"):
            plain[name] = tuple(tuple(widths) for widths in plain[name])
        return cls(**{**plain, "up": tuple(plain["up"])})
