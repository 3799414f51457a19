"""Why a MeshNet is not imported."""

from imaging.errors import BadModel


def unsupported(what: str) -> BadModel:
    """For a valid network with something that is not supported."""
    return BadModel(
        f"The network has {what}.",
        expected="A MeshNet: a chain of 3D convolutions of stride 1 whose padding keeps the size, "
        "batch norms and the activations elu, relu, gelu, sigmoid or linear.",
        hint="Export it to ONNX and add it with `tessera models add`.",
    )


def damaged(detail: str) -> BadModel:
    """For files that do not belong together or are incomplete."""
    return BadModel(
        detail,
        expected="model.json and the file of its weights, as they were published together.",
        hint="Download the folder again.",
    )
