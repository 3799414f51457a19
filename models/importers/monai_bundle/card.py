"""The card of a bundle's network. Torch-free."""

from dataclasses import dataclass
from typing import Any

from models.derived_fields import derived_fields, derived_fields_of_windows
from models.importers.monai_bundle.inferer import InfererFacts
from models.importers.monai_bundle.metadata import channel_fields, label_fields
from models.importers.monai_bundle.postprocessing.state import Postprocessing
from models.importers.monai_bundle.preprocessing.state import Preprocessing
from models.importers.monai_bundle.refusals import unsupported
from models.onnx_graph.facts import GraphFacts
from models.windows import Windows


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the configuration states around the network."""

    inferer: InfererFacts
    before: Preprocessing
    after: Postprocessing

    @property
    def chosen_outputs(self) -> tuple[int, ...] | None:
        """The network's outputs in the order in which they are painted; None: all, as they are."""
        outputs = tuple(output for output, _ in self.after.painted)
        return None if outputs in ((), tuple(range(self.after.outputs))) else outputs


def card_fields(pipeline: Pipeline, metadata: dict[str, Any], facts: GraphFacts) -> dict[str, Any]:
    """All fields that follow from the configuration and from the exported network."""
    before, after, windows = pipeline.before, pipeline.after, pipeline.inferer.windows
    painted = after.painted or [(n, n) for n in range(after.outputs)]
    labels = {output: value for output, value in painted if value}
    card = {
        "channels": channel_fields(metadata, before.loaded, before.channels, before.axes),
        "labels": label_fields(metadata, labels),
        "outputs": [value for _, value in painted],
        "activation": after.activation,
        "orientation": before.orientation,
        "results": {"resample": after.resample or "logits"},
        "postprocessing": after.steps,
        **_derived(facts, windows),
    }
    card |= {"preparation": before.preparation} if before.steps else {"intensity": {"kind": "none"}}
    return card | ({"windows": windows} if windows else {})


def _derived(facts: GraphFacts, windows: dict[str, Any] | None) -> dict[str, Any]:
    if windows is not None:
        return derived_fields_of_windows(facts, Windows.model_validate(windows))
    if facts.tiling is None:
        raise unsupported(
            "A network that runs on the whole scan, but for sizes that cannot be derived,",
            why=f"because {facts.reason}",
        )
    return derived_fields(facts)
