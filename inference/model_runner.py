"""Runs a model on opened scans.

A model may run in a box that a coarse model finds, and it may be made of other models, whose masks
are painted into one. A network may read the mask of an earlier one.

    box      coarse model -> box -> the model on the cropped scans -> pasted into an empty mask
    parts    each part on the same scans, one after another, painted in their order
    cascade  earlier models -> channels of the network
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.large_arrays import large_zeros
from imaging.scan import Scan
from inference.cascade import Cascade, label_map
from inference.given_mask import cropped_channels, label_box, pasted
from inference.model_result import ModelRecord, ModelResult, NetworkRecord
from inference.needed_model import box_values, needed_model
from inference.network_input import check
from inference.options import RunOptions
from inference.painting import paint
from inference.pipeline import segment
from inference.ready_networks import ReadyNetworks
from inference.run_context import RunContext, stage
from models.card_parts import Within
from models.registry import AnyModel, CombinedModel, Model, Registry


class ModelRunner:
    """Runs the models of a registry."""

    def __init__(self, registry: Registry, networks: ReadyNetworks, scratch: Path | None) -> None:
        """`scratch`: folder for arrays larger than memory."""
        self._registry, self._networks, self._scratch = registry, networks, scratch

    def run(
        self, model: AnyModel, scans: Mapping[str, Scan], options: RunOptions, context: RunContext
    ) -> ModelResult:
        """The mask of scans by channel name.

        Channels that no scan is given for are filled by the models that the card names. With
        `options.mask`, the scans have been cropped to a given mask, and no other box is looked for.
        """
        check(scans, model.card)
        within = model.card.within
        if within is None:
            return self._in_box(model, scans, options, context)
        if options.mask is None:
            return self._within(within, model, scans, options, context)
        result = self._in_box(model, scans, options, context)
        note = f"{model.card.name} ran in the box of the given mask, not in that of {within.model}."
        return replace(result, record=replace(result.record, notes=(note,)))

    def _within(
        self,
        within: Within,
        model: AnyModel,
        scans: Mapping[str, Scan],
        options: RunOptions,
        context: RunContext,
    ) -> ModelResult:
        """As `run`, in the box that the coarse model finds; an empty mask where it finds none."""
        coarse = needed_model(model.card, within.model, self._registry)
        values = box_values(within, coarse.card)
        inputs = {channel.name: scans[channel.name] for channel in coarse.card.requested_channels}
        alone = replace(options, tile=None)
        found = self.run(coarse, inputs, alone, stage(context, 0, 2))
        first = scans[model.card.channels[0].name]
        box = label_box(label_map(found.mask, first), within.margin_mm, values)
        if box is None:
            labels = " or ".join(within.labels) or "label"
            note = (
                f"{coarse.card.name} found no {labels} in this scan, around which "
                f"{model.card.name} would have run. Nothing was segmented: the mask is empty."
            )
            context.on_tile(1, 1)  # there is nothing left to do
            mask = large_zeros(first.grid, np.uint8, self._scratch)
            return ModelResult(mask, ModelRecord(model.card, coarse=found.record, notes=(note,)))
        cropped = cropped_channels(scans, model.card, box)
        result = self._in_box(model, cropped, options, stage(context, 1, 2))
        mask = pasted(result.mask, box, first.grid, self._scratch)
        record = replace(result.record.placed(box), coarse=found.record)
        return ModelResult(mask, record)

    def _in_box(
        self, model: AnyModel, scans: Mapping[str, Scan], options: RunOptions, context: RunContext
    ) -> ModelResult:
        if isinstance(model, CombinedModel):
            return self._painted(model, scans, options, context)
        return self._network(model, scans, options, context)

    def _painted(
        self,
        model: CombinedModel,
        scans: Mapping[str, Scan],
        options: RunOptions,
        context: RunContext,
    ) -> ModelResult:
        """Each part on the scans that it takes; a later part is painted over an earlier one."""
        first = scans[model.card.channels[0].name]
        largest = max(label.value for label in model.card.labels)
        whole = large_zeros(first.grid, np.min_scalar_type(largest), self._scratch)
        records = []
        for number, part in enumerate(model.parts):
            names = [channel.name for channel in part.card.channels if channel.name in scans]
            inputs = {name: scans[name] for name in names}
            result = self.run(part, inputs, options, stage(context, number, len(model.parts)))
            context.token.check()
            values = {label.label: label.value for label in model.card.parts[number].labels}
            paint(result.mask, whole, values)
            records.append(result.record)
            del result  # its mask would stay in memory beside that of the next part
        return ModelResult(whole, ModelRecord(model.card, parts=tuple(records)))

    def _network(
        self, model: Model, scans: Mapping[str, Scan], options: RunOptions, context: RunContext
    ) -> ModelResult:
        cascade = Cascade.of(model, scans, self._registry)
        scans, context = cascade.filled(scans, self._mask, options, context)
        ready = self._networks.ready(model, options, context)
        budget = self._networks.budget(ready.loaded, ready.device)
        members = self._networks.members(model, ready.device, ready.loaded, context)
        result = segment(scans, model.card, ready.loaded.session, budget, options, context, members)
        if result.shrunk_to is not None:
            ready.loaded.limit_tiles(result.shrunk_to)
        network = NetworkRecord.of(
            result, ready.device, cascade.masks, ready.fallback, ready.reference
        )
        return ModelResult(result.mask, ModelRecord(model.card, network))

    def _mask(
        self, scans: Mapping[str, Scan], model: Model, options: RunOptions, context: RunContext
    ) -> NDArray[Any]:
        return self.run(model, scans, options, context).mask
