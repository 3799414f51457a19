"""The page of the training configuration, made from the schema of `TrainingConfig`."""

import json_schema

from models.training.config import TrainingConfig

INTRODUCTION = """# Training configuration

One TOML file for [`tessera train`](cli.md#tessera-train). [Train a model](../how-to/train.md) shows
a small example; those of the shipped networks are in `models/training/configs/`. A field that is
not listed here is refused.
"""


def page() -> str:
    """Markdown: the tables of the file, then those of their parts."""
    return "\n".join([INTRODUCTION, *json_schema.sections(TrainingConfig.model_json_schema())])
