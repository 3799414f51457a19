"""A network under construction: each method adds a layer and gives its position. Torch-free.

Where branches meet, each is cropped to the one that begins farthest inside. A `valid` convolution,
k wide, moves the beginning by half its width:

    start of the output = start of the source + (k - 1) / 2 * dilation * 2**depth
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from models.nets.config import UNetConfig
from models.nets.layer import Kind, Layer, Program


class Graph:
    """Knows of the configuration what every layer shares: padding, batch norm, activation."""

    def __init__(self, config: UNetConfig) -> None:
        self.config = config
        self._layers = [Layer("image", "input", (), config.in_channels)]
        self._counts: Counter[str] = Counter()
        self._scope = ""

    @property
    def program(self) -> Program:
        """All layers so far."""
        return tuple(self._layers)

    def channels(self, position: int) -> int:
        """How many maps the layer at this position gives."""
        return self._layers[position].channels

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Within it every layer's name begins with `name` and a dot."""
        before, self._scope = self._scope, f"{self._scope}{name}."
        yield
        self._scope = before

    def unit(
        self, source: int, width: int, kernel: int = 3, *, dilation: int = 1, groups: int = 1
    ) -> int:
        """A convolution, batch norm where the network has it, and the activation."""
        values = self.convolution(source, width, kernel, dilation=dilation, groups=groups)
        return self.activation(self.norm(values))

    def convolution(
        self,
        source: int,
        width: int,
        kernel: int = 3,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        name: str = "",
    ) -> int:
        """`same` networks pad by what a `valid` one loses on each side."""
        before, reach = self._layers[source], (kernel - 1) // 2 * dilation
        same = self.config.padding == "same"
        return self._add(
            "convolution",
            "conv",
            source,
            name=name,
            channels=width,
            kernel=kernel,
            dilation=dilation,
            groups=groups,
            bias=bias,
            pad=reach if same else 0,
            start=before.start + (0 if same else reach << before.depth),
        )

    def norm(self, source: int) -> int:
        """Batch norm; `source` itself in a network without."""
        return self._add("norm", "norm", source) if self.config.batch_norm else source

    def activation(self, source: int) -> int:
        """The network's own activation."""
        return self._add("activation", "act", source, function=self.config.activation)

    def sigmoid(self, source: int) -> int:
        """Values between 0 and 1."""
        return self._add("activation", "sigmoid", source, function="sigmoid")

    def dropout(self, source: int) -> int:
        """At the configuration's rate; `source` itself where that is 0."""
        rate = self.config.dropout
        return self._add("dropout", "dropout", source, rate=rate) if rate else source

    def pool(self, source: int) -> int:
        """2x max-pool: one level deeper."""
        return self._add("pool", "pool", source, depth=self._layers[source].depth + 1, kernel=2)

    def maximum(self, source: int) -> int:
        """The largest of 3 voxels along each axis, at every voxel."""
        before, same = self._layers[source], self.config.padding == "same"
        start = before.start + (0 if same else 1 << before.depth)
        return self._add("maximum", "max", source, kernel=3, pad=int(same), start=start)

    def up(self, source: int, width: int, name: str) -> int:
        """One level finer, with `width` maps, as the configuration's `upsampling` says.

        A 1x1 convolution and linear interpolation commute (the interpolation's weights sum to 1);
        the convolution goes first, where there are 2**dimension times fewer voxels. The outermost
        voxel of an interpolation is a guess, since its neighbour is not known: a `valid` network
        crops it.
        """
        depth = self._layers[source].depth - 1
        if self.config.upsampling == "transposed":
            bias = self.config.up_bias
            return self._add(
                "up", "up", source, name=name, channels=width, depth=depth, kernel=2, bias=bias
            )
        with self.scope(name):
            values = self.convolution(source, width, 1, bias=self.config.up_bias, name="project")
            values = self._add("interpolate", "linear", values, depth=depth)
            return values if self.config.padding == "same" else self.crop(values, 1)

    def crop(self, source: int, by: int) -> int:
        """`by` voxels less on each side; `source` itself where that is none."""
        before = self._layers[source]
        start = before.start + (by << before.depth)
        return self._add("crop", "crop", source, crop=by, start=start) if by else source

    def join(self, *sources: int) -> int:
        """The maps of all sources, in this order."""
        channels = sum(self.channels(source) for source in sources)
        return self._add("join", "join", *self._meeting(sources), channels=channels)

    def add(self, *sources: int) -> int:
        """The sum of sources of one width."""
        return self._add("add", "add", *self._meeting(sources))

    def fit(self, source: int, width: int) -> int:
        """`source` with `width` maps: itself, or projected by a 1x1 convolution (and norm)."""
        if self.channels(source) == width:
            return source
        return self.norm(self.convolution(source, width, 1))

    def shuffle(self, source: int, groups: int) -> int:
        """Maps in another order: each group of the next layer sees some of every group here."""
        return self._add("shuffle", "shuffle", source, groups=groups) if groups > 1 else source

    def average(self, source: int, bins: int) -> int:
        """Means over `bins` parts of the whole tile along each axis."""
        return self._add("average", "average", source, bins=bins, fixed=True)

    def spread(self, source: int, like: int) -> int:
        """`source`, of a fixed size, interpolated linearly to the size of `like`."""
        return self._add("spread", "spread", source, like, fixed=False)

    def multiply(self, values: int, gates: int) -> int:
        """Every map of `values` times its one gate."""
        return self._add("multiply", "multiply", values, gates)

    def _meeting(self, sources: tuple[int, ...]) -> tuple[int, ...]:
        layers = [self._layers[source] for source in sources]
        start = max(layer.start for layer in layers)
        return tuple(
            self.crop(source, (start - layer.start) >> layer.depth)
            for source, layer in zip(sources, layers, strict=True)
        )

    def _add(self, kind: Kind, word: str, *sources: int, name: str = "", **fields: Any) -> int:
        """What `fields` leave open is as in the first source."""
        before = self._layers[sources[0]]
        same = {key: getattr(before, key) for key in ("channels", "depth", "start", "fixed")}
        if not name:
            self._counts[self._scope + word] += 1
            name = f"{word}{self._counts[self._scope + word]}"
        self._layers.append(Layer(self._scope + name, kind, sources, **{**same, **fields}))
        return len(self._layers) - 1
