"""The configuration of a U-Net. Torch-free."""

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

    Raises BadModel if the numbers do not describe a U-Net, or a name is not one of its choices.
    """

    dimension: Literal[2, 3] = 2
    """2: images. 3: volumes."""
    in_channels: int = 1
    """Number of input components."""
    out_channels: int = 2
    """Number of outputs (logits) for each voxel."""
    encoder: tuple[tuple[int, ...], ...] = (
        (64, 64), (128, 128), (256, 256), (512, 512), (1024, 1024),
    )  # fmt: skip
    """Output channels of each step of a block, per level, finest level first. The last level is the
    bottom; a 2x max-pool is between two levels."""
    up: tuple[int, ...] = (512, 256, 128, 64)
    """Output channels of each upsampling by 2, deepest first."""
    decoder: tuple[tuple[int, ...], ...] = ((512, 512), (256, 256), (128, 128), (64, 64))
    """As `encoder`, for the decoder, deepest first; all nodes of a nested level have the same."""
    padding: Padding = "valid"
    """`valid`: no convolution pads, and skips are cropped. `same`: convolutions pad with zeros."""
    block: Block = "plain"
    """Kind of block at each level; `models.nets.blocks` describes each."""
    squeeze_excite: bool = False
    """Scales each block's maps by gates computed from their means over the tile: not exact."""
    bottleneck: Bottleneck = "none"
    """Module below the deepest level; `models.nets.bottlenecks` describes each."""
    skip: Skip = "concatenate"
    """Skip connections: concatenated (arXiv:1505.04597), added, or nested (arXiv:1807.10165)."""
    upsampling: Upsampling = "transposed"
    """A 2-wide transposed convolution of stride 2; or a 1x1 convolution and interpolation."""
    activation: Activation = "relu"
    """Activation after each convolution of a block."""
    batch_norm: bool = False
    """Whether batch norm follows each convolution of a block."""
    up_bias: bool = True
    """Whether upsampling convolutions have a bias."""
    dropout: float = 0.0
    """Dropout rate at the end of the bottom level, as in the paper; 0: none."""

    def __post_init__(self) -> None:
        levels = len(self.encoder)
        if levels < 1 or len(self.decoder) != levels - 1 or len(self.up) != levels - 1:
            raise BadModel(
                f"The U-Net has {levels} encoder levels, {len(self.up)} upsamplings and "
                f"{len(self.decoder)} decoder levels.",
                expected="One upsampling and one decoder level fewer than encoder levels.",
                hint="State the channels of every level.",
            )
        channels = (self.in_channels, self.out_channels, *self.up, *sum(self.encoder, ()))
        if min(channels + sum(self.decoder, ())) < 1 or not all(self.encoder + self.decoder):
            raise BadModel(
                "A level of the U-Net has no convolution, or a convolution without channels.",
                expected="At least one convolution per level, and one channel per convolution.",
                hint="State the channels of every level.",
            )
        for field, choices in CHOICES.items():
            if getattr(self, field) not in get_args(choices):
                raise BadModel(
                    f"The U-Net's {field} is {getattr(self, field)!r}.",
                    expected=f"One of {', '.join(get_args(choices))}.",
                    hint="Set one of these.",
                )

    @classmethod
    def of_widths(cls, widths: tuple[int, ...], convolutions: int = 2, **others: Any) -> Self:
        """From one width per level, with the same number of steps in each block."""
        levels = tuple((width,) * convolutions for width in widths)
        return cls(encoder=levels, up=widths[-2::-1], decoder=levels[-2::-1], **others)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """From plain values, with lists for tuples, as `dataclasses.asdict` and JSON give them."""
        plain = dict(fields)
        for name in ("encoder", "decoder"):
            plain[name] = tuple(tuple(widths) for widths in plain[name])
        return cls(**{**plain, "up": tuple(plain["up"])})
