"""The U-Net as a torch module: many blocks, 2D and 3D, with or without padding."""

from torch import Tensor, nn

from models.nets.architecture import layers
from models.nets.config import UNetConfig
from models.nets.layer import in_place, last_readers
from models.nets.operations import operation


class UNet(nn.Module):
    """(n, in_channels, *spatial) -> logits (n, out_channels, *output).

    `valid`: the output is smaller by the halo on each side; `same`: it has the size of the input.
    `models.nets.receptive_field` derives the legal sizes from the same layers. Sources:
    arXiv:1505.04597 (2D), arXiv:1606.06650 (3D), and those that each block states.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        program = layers(config)
        same = in_place(program)
        for index, layer in enumerate(program[1:], 1):
            before = program[layer.sources[0]].channels
            module = operation(layer, before, config.dimension, in_place=index in same)
            self._place(layer.name, module)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Logits; see the class for shapes. Values are released after their last reader."""
        program = layers(self.config)
        last = last_readers(program)
        values = {0: image}
        for index, layer in enumerate(program[1:], 1):
            sources = [values[source] for source in layer.sources]
            values[index] = self.get_submodule(layer.name)(*sources)
            for source in layer.sources:
                if last[source] == index:
                    del values[source]
        return values[len(program) - 1]

    def _place(self, name: str, module: nn.Module) -> None:
        """Adds a module under its dotted name, which torch uses to name the weights."""
        parent: nn.Module = self
        *path, last = name.split(".")
        for part in path:
            if part not in dict(parent.named_children()):
                parent.add_module(part, nn.Module())
            parent = parent.get_submodule(part)
        parent.add_module(last, module)


def _initialise(module: nn.Module) -> None:
    """He et al. 2015, as in the U-Net paper: each feature map has about unit variance."""
    if isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
