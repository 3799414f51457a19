"""Builds a network layer by layer: each method adds a layer and returns its position. Torch-free.

Where branches meet, each is cropped to the branch that starts farthest inside. A `valid`
convolution of width k moves the start by half of its width:

    start of the output = start of the source + (k - 1) / 2 * dilation * 2**depth
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from models.nets.config import UNetConfig
from models.nets.layer import Kind, Layer, Program


class Graph:
    """Layers so far, and the settings that all layers share: padding, batch norm, activation."""

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
        """Number of maps of the layer at this position."""
        return self._layers[position].channels

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Inside this context, the name of every layer begins with `name` and a dot."""
        before, self._scope = self._scope, f"{self._scope}{name}."
        yield
        self._scope = before

    def unit(
        self, source: int, width: int, kernel: int = 3, *, dilation: int = 1, groups: int = 1
    ) -> int:
        """A convolution, batch norm if the network has it, and the activation."""
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
        """A convolution; `same` networks pad by what a `valid` network loses on each side."""
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
        """Batch norm; `source` itself in a network without batch norm."""
        return self._add("norm", "norm", source) if self.config.batch_norm else source

    def activation(self, source: int) -> int:
        """The activation of the network's configuration."""
        return self._add("activation", "act", source, function=self.config.activation)

    def sigmoid(self, source: int) -> int:
        """A sigmoid: values between 0 and 1."""
        return self._add("activation", "sigmoid", source, function="sigmoid")

    def dropout(self, source: int) -> int:
        """Dropout at the configured rate; `source` itself if the rate is 0."""
        rate = self.config.dropout
        return self._add("dropout", "dropout", source, rate=rate) if rate else source

    def pool(self, source: int) -> int:
        """A 2x max-pool: one level deeper."""
        return self._add("pool", "pool", source, depth=self._layers[source].depth + 1, kernel=2)

    def maximum(self, source: int) -> int:
        """A max-pool of width 3 and stride 1."""
        before, same = self._layers[source], self.config.padding == "same"
        start = before.start + (0 if same else 1 << before.depth)
        return self._add("maximum", "max", source, kernel=3, pad=int(same), start=start)

    def up(self, source: int, width: int, name: str) -> int:
        """One level finer, with `width` maps, by the configured `upsampling`.

        A 1x1 convolution and linear interpolation commute (the interpolation's weights sum to 1).
        The convolution runs first, on 2**dimension times fewer voxels. The outermost voxel of an
        interpolation is not exact, because its neighbour is missing: a `valid` network crops it.
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
        """Removes `by` voxels on each side; `source` itself if `by` is 0."""
        before = self._layers[source]
        start = before.start + (by << before.depth)
        return self._add("crop", "crop", source, crop=by, start=start) if by else source

    def join(self, *sources: int) -> int:
        """Concatenates the maps of all sources, in this order."""
        channels = sum(self.channels(source) for source in sources)
        return self._add("join", "join", *self._cropped_alike(sources), channels=channels)

    def add(self, *sources: int) -> int:
        """The sum of sources with the same number of maps."""
        return self._add("add", "add", *self._cropped_alike(sources))

    def fit(self, source: int, width: int) -> int:
        """`source` if it has `width` maps, else its projection by a 1x1 convolution and norm."""
        if self.channels(source) == width:
            return source
        return self.norm(self.convolution(source, width, 1))

    def shuffle(self, source: int, groups: int) -> int:
        """Reorders maps so that each group of the next layer reads maps of every group."""
        return self._add("shuffle", "shuffle", source, groups=groups) if groups > 1 else source

    def average(self, source: int, bins: int) -> int:
        """Means over `bins` parts of the whole tile along each axis."""
        return self._add("average", "average", source, bins=bins, fixed=True)

    def spread(self, source: int, like: int) -> int:
        """Interpolates `source`, of a fixed size, linearly to the size of `like`."""
        return self._add("spread", "spread", source, like, fixed=False)

    def multiply(self, values: int, gates: int) -> int:
        """Multiplies each map of `values` by its gate."""
        return self._add("multiply", "multiply", values, gates)

    def _cropped_alike(self, sources: tuple[int, ...]) -> tuple[int, ...]:
        layers = [self._layers[source] for source in sources]
        start = max(layer.start for layer in layers)
        return tuple(
            self.crop(source, (start - layer.start) >> layer.depth)
            for source, layer in zip(sources, layers, strict=True)
        )

    def _add(self, kind: Kind, word: str, *sources: int, name: str = "", **fields: Any) -> int:
        """Adds a layer; attributes that `fields` does not set are those of the first source."""
        before = self._layers[sources[0]]
        same = {key: getattr(before, key) for key in ("channels", "depth", "start", "fixed")}
        if not name:
            self._counts[self._scope + word] += 1
            name = f"{word}{self._counts[self._scope + word]}"
        self._layers.append(Layer(self._scope + name, kind, sources, **{**same, **fields}))
        return len(self._layers) - 1
