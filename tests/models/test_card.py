"""The card: its fields, its post-processing steps, and a step that is new."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

import models.card
from imaging.errors import BadModel
from imaging.postprocessing.mask_context import MaskContext
from imaging.postprocessing.step import Step
from imaging.postprocessing.steps import STEPS, any_of
from imaging.preparation.steps import PREPARATION_STEPS
from imaging.preparation.value_rules import VALUE_RULES
from inference.pipeline import postprocess
from models.card import ModelCard
from models.card_facts import CardFacts
from models.nets.config import UNetConfig
from models.registry import ZOO, Registry
from models.training.config import TrainingConfig
from models.training.tables import Network
from tests.support.documented_patch import apply_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing" / "add-a-post-processing-step.md"
FIELDS: dict[str, Any] = {
    "name": "tiny",
    "version": "1",
    "title": "Tiny",
    "dimension": 3,
    "channels": [{"name": "t1"}],
    "labels": [{"value": 1, "name": "a", "color": "#ff0000"}],
    "outputs": [0, 1],
    "intensity": {"kind": "zscore"},
    "padding": "same",
    "halo": [1, 1, 1],
    "align": [1, 1, 1],
    "minimum": [1, 1, 1],
    "exact": True,
    "licence": "none",
    "sha256": "0" * 64,
}
ZSCORE: dict[str, Any] = {"kind": "zscore"}
NORMALISED: dict[str, Any] = {"step": "normalise", "rules": [ZSCORE]}
RESAMPLED: dict[str, Any] = {"step": "resample", "spacing_mm": [1, 1], "anchor": "edges"}
PREPARED: dict[str, Any] = {"intensity": None, "preparation": [NORMALISED]}


class Invert(Step):
    """Swaps label 1 and background."""

    step: Literal["invert"]
    """Always `invert`."""

    def apply(self, mask: NDArray[Any], _context: MaskContext) -> None:
        mask[:] = 1 - mask


class ExtendedCard(ModelCard):
    """A card, had `Invert` been in the list of steps."""

    postprocessing: tuple[any_of((*STEPS, Invert)), ...] = ()  # type: ignore[valid-type]


def test_a_new_step_is_accepted_by_the_card_and_applied_by_the_pipeline(tmp_path: Path) -> None:
    card = ExtendedCard.model_validate(FIELDS | {"postprocessing": [{"step": "invert"}]})
    mask = np.array([[[0, 1, 1]]], np.uint8)
    assert postprocess(mask, card, MaskContext()).tolist() == [[[1, 0, 0]]]
    card.save(tmp_path / "card.json")
    assert ExtendedCard.load(tmp_path / "card.json") == card
    assert "Swaps label 1 and background." in str(ExtendedCard.model_json_schema())
    with pytest.raises(ValidationError, match="invert"):
        ModelCard.model_validate(FIELDS | {"postprocessing": [{"step": "invert"}]})


def test_steps_run_in_the_order_of_the_card() -> None:
    steps = [{"step": "fill_holes", "labels": [1]}, {"step": "invert"}]
    ring = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]], np.uint8)
    for order, expected in (
        (steps, [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]]),
        (steps[::-1], [[0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1]]),
    ):
        card = ExtendedCard.model_validate(FIELDS | {"postprocessing": order})
        assert postprocess(ring.copy(), card, MaskContext()).tolist() == expected


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"postprocessing": [{"step": "polish"}]}, "'fill_holes', 'largest_component'"),
        ({"postprocessing": [{"step": "fill_holes"}]}, "postprocessing.0.fill_holes.labels"),
        ({"postprocessing": [{"step": "fill_holes", "labels": []}]}, "at least 1"),
        ({"postprocessing": [{"step": "fill_holes", "labels": [2]}]}, "labels do not list"),
        ({"postprocessing": [{"step": "largest_foreground", "labels": [1]}]}, "not permitted"),
        ({"outputs": [0, 2]}, "labels do not list"),
        ({"orientation": "ras"}, "orientation needs three letters"),
        ({"intensity": None}, "either intensity or preparation"),
        ({"preparation": [{"step": "crop_nonzero"}]}, "either intensity or preparation"),
        (
            PREPARED | {"preparation": [{"step": "shrink"}]},
            "'normalise', 'pad', 'resample'",
        ),
        (PREPARED | {"preparation": [NORMALISED | {"rules": []}]}, "at least 1"),
        (PREPARED | {"preparation": [NORMALISED | {"rules": [ZSCORE] * 2}]}, "needs one rule"),
        (
            PREPARED | {"preparation": [NORMALISED | {"rules": [{"kind": "ct"}]}]},
            "'none', 'fixed', 'zscore'",
        ),
        (
            PREPARED
            | {
                "preparation": [
                    {"step": "crop_nonzero"},
                    NORMALISED | {"rules": [ZSCORE | {"over": "inside"}]},
                ]
            },
            "crop_nonzero with keep_mask",
        ),
        (PREPARED | {"preparation": [RESAMPLED]}, "spacing_mm of 3 numbers"),
        (
            PREPARED
            | {
                "preparation": [
                    {"step": "crop_nonzero", "keep_mask": True},
                    RESAMPLED | {"spacing_mm": [1, 1, 1]},
                    NORMALISED | {"rules": [ZSCORE | {"over": "inside"}]},
                ]
            },
            "crop_nonzero with keep_mask",
        ),
        (PREPARED | {"spacing_mm": [1, 1, 1]}, "states its spacing in a step"),
        (PREPARED | {"empty": [0, 0]}, "cannot have empty"),
        ({"labels": [{"value": 1, "name": "a", "color": "#ff0000"}] * 2}, "once"),
        ({"channels": []}, "at least one"),
        ({"spacing_mm": [1, 1]}, "spacing_mm needs 3"),
        ({"halo": [1]}, "halo needs 3"),
        ({"empty": [2, 1]}, "the lower first"),
        ({"instances": {"seed": 1, "rim": 2}}, "seed and rim among the outputs"),
        (
            {
                "outputs": [0, 1, 1],
                "instances": {"seed": 1, "rim": 2},
                "postprocessing": [{"step": "largest_foreground"}],
            },
            "needs label values",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:

    path = tmp_path / "card.json"
    path.write_text(json.dumps(FIELDS | changes))
    with pytest.raises(BadModel, match=re.escape(problem)):
        ModelCard.load(path)


@pytest.mark.parametrize("model", [ModelCard, TrainingConfig])
def test_every_field_has_a_description(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    for name, part in {model.__name__: schema, **schema["$defs"]}.items():
        assert part["description"], name
        for field, facts in part["properties"].items():
            assert facts.get("description"), f"{name}.{field}"
    kinds = (*STEPS, *PREPARATION_STEPS, *VALUE_RULES)
    assert {kind.__name__ for kind in kinds} <= set(schema["$defs"])


def test_a_configured_network_has_the_fields_and_defaults_of_the_u_net() -> None:
    """But for its widths, and batch norm, which the paper of the U-Net's defaults did not have."""
    own = {name: field.default for name, field in Network.model_fields.items()}
    shared = {f.name: f.default for f in fields(UNetConfig) if f.name in own}
    assert own.keys() - shared.keys() == {"widths", "convolutions", "logit_offsets"}
    assert {f.name for f in fields(UNetConfig)} - own.keys() == {"encoder", "decoder", "up"}
    different = {name for name, default in shared.items() if own[name] != default}
    assert different == {"dimension", "out_channels", "batch_norm"}


def test_a_persons_part_of_the_card_is_defined_once() -> None:
    """ModelCard adds derived fields, and states the version always; it repeats nothing else."""
    own = set(vars(models.card.ModelCard)["__annotations__"])
    assert own & set(CardFacts.model_fields) == {"version"}


def test_preparation_is_saved_with_the_card(tmp_path: Path) -> None:
    steps = [
        {"step": "crop_nonzero", "keep_mask": True},
        {"step": "normalise", "rules": [{"kind": "zscore", "over": "inside"}]},
        {"step": "resample", "spacing_mm": [None, 1.5, 2.0], "anchor": "edges", "order": 3},
    ]
    card = ModelCard.model_validate(FIELDS | PREPARED | {"preparation": steps})
    card.save(tmp_path / "card.json")
    assert ModelCard.load(tmp_path / "card.json") == card
    assert json.loads((tmp_path / "card.json").read_text())["preparation"] == steps
    assert card.network_spacing_mm == (None, 1.5, 2.0)


def test_the_cards_of_the_zoo_are_as_saved(tmp_path: Path) -> None:
    for model in Registry().all():
        model.card.save(tmp_path / "card.json")
        assert ModelCard.load(tmp_path / "card.json") == model.card
        assert model.folder.parent == ZOO


@pytest.mark.process
def test_the_documented_patch_adds_a_step(tmp_path: Path) -> None:
    """Applied to a copy of the tree as the page says; its own test passes there, and the card
    accepts the step."""
    for folder in ("imaging", "inference", "models"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("zoo"))
    assert len(apply_page(PAGE.read_text(), tmp_path)) == 3
    check = (
        "from models.card import ModelCard; import sys;"
        "assert 'Components with fewer voxels are removed.' in str(ModelCard.model_json_schema());"
        "import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'tests']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
