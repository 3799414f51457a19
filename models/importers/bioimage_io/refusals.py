"""Why a model of BioImage.IO is not imported. Torch-free."""

from imaging.errors import BadModel

GUIDE = "see docs/how-to/import-model.md"


def unsupported(detail: str, expected: str) -> BadModel:
    """For a valid description of something that Tessera cannot repeat."""
    return BadModel(
        detail,
        expected=expected,
        hint="Export the network to ONNX and add it with a card that describes its preparation: "
        "see docs/how-to/own-model.md.",
    )


def damaged(detail: str) -> BadModel:
    """For a package that is incomplete or contradicts itself."""
    return BadModel(
        detail,
        expected="A complete package: the description, weights and test tensors that it names, "
        "each with its stated SHA-256.",
        hint="Download the complete package again, as bioimageio.core or the website writes it.",
    )
