"""Why a network of nnU-Net is not imported. Torch-free."""

from imaging.errors import BadModel


def unsupported(what: str, expected: str) -> BadModel:
    """For something that nnU-Net can do and that would give another mask here."""
    return BadModel(
        f"The network was trained with {what}.",
        expected=expected,
        hint="Export the network to ONNX, write a card (docs/how-to/own-model.md) and add it with "
        "`tessera models add`.",
    )


def damaged(detail: str) -> BadModel:
    """For files that are incomplete, or do not belong together."""
    return BadModel(
        detail,
        expected="plans.json, dataset.json and the checkpoints as one training of nnU-Net v2 "
        "wrote them.",
        hint="Copy the results folder again, with all of its files.",
    )
