"""How a run is to be done, where the caller has a wish."""

from dataclasses import dataclass

DEVICES = ("auto", "cpu", "openvino", "cuda", "tensorrt")
PRECISIONS = ("auto", "fp32")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`device` and `precision` as in DEVICES and PRECISIONS; `tile` is at most this per axis."""

    device: str = "auto"
    precision: str = "auto"
    tile: tuple[int, ...] | None = None
