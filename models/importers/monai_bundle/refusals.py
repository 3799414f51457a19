"""Why a bundle is not imported."""

from imaging.errors import BadModel


def unsupported(what: str, expected: str = "", why: str = "") -> BadModel:
    """For a valid part of a bundle that Tessera cannot repeat: `what` names it, `why` begins with
    a preposition."""
    return BadModel(
        f"{what} cannot be imported{' ' if why else ''}{why}.",
        expected=expected or "Components of MONAI that docs/how-to/import-model.md lists.",
        hint="Export the network to ONNX and add it with a card that describes its preparation: "
        "see docs/how-to/own-model.md.",
    )


def damaged(detail: str) -> BadModel:
    """For a bundle that is incomplete or contradicts itself."""
    return BadModel(
        detail,
        expected="A complete MONAI bundle: configs/metadata.json, configs/inference.json or .yaml, "
        "and its weights in models/.",
        hint="Download the bundle again.",
    )


def is_code(where: str, text: str) -> BadModel:
    """For an expression that only Python can evaluate."""
    shown = text if len(text) <= 100 else text[:97] + "..."
    return BadModel(
        f"{where} of the bundle is an expression that only code can evaluate: {shown}",
        expected="A value, a reference, or an expression of values and references.",
        hint="If you trust the bundle as you trust a program, import it again with --trust.",
    )
