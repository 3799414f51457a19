"""Where scans are segmented: in this process, or on a server."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cli.model_registry import registry
from imaging.mask_description import MaskDescription
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from models.any_card import AnyCard

if TYPE_CHECKING:
    from cli.client import Client


class Segmenter(Protocol):
    """Segments scans with one model and fixed options."""

    def card(self) -> AnyCard:
        """The model's card."""
        ...

    def channels(self) -> Sequence[str]:
        """The model's channels; the mask is on the grid of the first channel's scan."""
        ...

    def mask_description(self) -> MaskDescription:
        """What the label numbers of the masks mean, and whether the model makes the masks."""
        ...

    def segment(
        self, scans: Mapping[str, Path], folder: Path, context: RunContext, key: str = ""
    ) -> SegmentationOutput:
        """Segments one subject into `folder`: mask, preview and report.

        `scans`: channel -> scan; the key of a single scan may be ''. `context` is told the
        progress. `key`: a server runs one job for all calls with the same key; empty: a new one.
        """
        ...


class LocalSegmenter:
    """Segments in this process."""

    def __init__(self, model: str, options: RunOptions) -> None:
        from cli.engine import engine_of_settings

        self._card = registry().get(model).card
        self._options = options
        self._engine = engine_of_settings()

    def card(self) -> AnyCard:
        return self._card

    def channels(self) -> Sequence[str]:
        return [channel.name for channel in self._card.requested_channels]

    def mask_description(self) -> MaskDescription:
        return self._card.mask_description(supplied=self._options.starts_from_mask)

    def segment(
        self,
        scans: Mapping[str, Path],
        folder: Path,
        context: RunContext,
        key: str = "",  # noqa: ARG002 - for servers
    ) -> SegmentationOutput:
        named = {name or self._card.channels[0].name: path for name, path in scans.items()}
        return self._engine.segment(named, self._card.full_name, folder, self._options, context)


class RemoteSegmenter:
    """Segments on the client's server."""

    def __init__(self, client: "Client", model: str, options: RunOptions, priority: int) -> None:
        self._client = client
        self._model, self._options, self._priority = model, options, priority

    def card(self) -> AnyCard:
        return self._client.card(self._model)

    def channels(self) -> Sequence[str]:
        return self._client.channels(self._model)

    def mask_description(self) -> MaskDescription:
        return self.card().mask_description(supplied=self._options.starts_from_mask)

    def segment(
        self, scans: Mapping[str, Path], folder: Path, context: RunContext, key: str = ""
    ) -> SegmentationOutput:
        return self._client.segment(
            scans, self._model, folder, self._options, self._priority, context, key
        )


@contextmanager
def segmenter_of(
    model: str, options: RunOptions, server: str | None, priority: int
) -> Iterator[Segmenter]:
    """Segments on the server, if there is one; else in this process."""
    if not server:
        yield LocalSegmenter(model, options)
        return
    from cli.client import Client  # its HTTP library is not loaded for scans that stay here

    with Client(server) as client:
        yield RemoteSegmenter(client, model, options, priority)
