"""Runs a model on opened scans: the models that it needs first, then its network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.scan import Scan
from inference.cascade import Cascade
from inference.model_result import ModelRecord, ModelResult, NetworkRecord
from inference.network_input import check
from inference.options import RunOptions
from inference.pipeline import segment
from inference.ready_networks import ReadyNetworks
from inference.run_context import RunContext
from models.registry import Model, Registry


class ModelRunner:
    """Runs the models of a registry."""

    def __init__(self, registry: Registry, networks: ReadyNetworks, scratch: Path | None) -> None:
        """`scratch`: folder for arrays larger than memory."""
        self._registry, self._networks, self._scratch = registry, networks, scratch

    def run(
        self, model: Model, scans: Mapping[str, Scan], options: RunOptions, context: RunContext
    ) -> ModelResult:
        """The mask of scans by channel name.

        Channels that no scan is given for are filled by the models that the card names.
        """
        check(scans, model.card)
        cascade = Cascade.of(model, scans, self._registry)
        scans, context = cascade.filled(scans, self._mask, options, context)
        ready = self._networks.ready(model, options, context)
        budget = self._networks.budget(ready.loaded, ready.device)
        members = self._networks.members(model, ready.device, ready.loaded, context)
        result = segment(scans, model.card, ready.loaded.session, budget, options, context, members)
        if result.shrunk_to is not None:
            ready.loaded.limit_tiles(result.shrunk_to)
        network = NetworkRecord.of(result, ready.device, cascade.masks, ready.fallback)
        return ModelResult(result.mask, ModelRecord(model.card, network))

    def _mask(
        self, scans: Mapping[str, Scan], model: Model, options: RunOptions, context: RunContext
    ) -> NDArray[Any]:
        return self.run(model, scans, options, context).mask
