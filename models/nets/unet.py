"""One U-Net, 2D and 3D, with or without padding."""

from torch import Tensor, nn

from models.nets.blocks import CONVOLUTION, POOL, UP, Join, level
from models.nets.config import UNetConfig


class UNet(nn.Module):
    """(n, in_channels, *spatial) -> logits (n, out_channels, *output).

    `valid`: the output is smaller by the halo on each side; `same`: of the input's size. Which
    sizes are legal, `models.nets.receptive_field` tells. Sources: arXiv:1505.04597 (2D),
    arXiv:1606.06650 (3D).
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        before = (config.in_channels, *(widths[-1] for widths in config.encoder))
        self.encoder = nn.ModuleList(
            level(config, channels, widths)
            for channels, widths in zip(before[:-1], config.encoder, strict=True)
        )
        self.pool = POOL[config.dimension](2)
        self.dropout = nn.Dropout(config.dropout)
        self.up, self.join, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        below, skips = before[-1], before[-2:0:-1]
        for skip, up, widths, crop in zip(
            skips, config.up, config.decoder, config.crops, strict=True
        ):
            self.up.append(UP[config.dimension](below, up, 2, stride=2, bias=config.up_bias))
            self.join.append(Join(crop))
            self.decoder.append(level(config, skip + up, widths))
            below = widths[-1]
        self.head = CONVOLUTION[config.dimension](below, config.out_channels, 1)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Logits; see the class for shapes."""
        values, skips = self.encoder[0](image), []
        for down in self.encoder[1:]:
            skips.append(values)
            values = down(self.pool(values))
        values = self.dropout(values)
        for up, join, widths in zip(self.up, self.join, self.decoder, strict=True):
            values = widths(join(skips.pop(), up(values)))
        logits: Tensor = self.head(values)
        return logits


def _initialise(module: nn.Module) -> None:
    """He et al. 2015, as the U-Net paper asks: each feature map of about unit variance."""
    if isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
