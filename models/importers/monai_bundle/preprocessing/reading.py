"""Transforms that load images and arrange channels and types."""

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.expressions import Symbol
from models.importers.monai_bundle.preprocessing.state import Preprocessing, listed

_READERS = ("NibabelReader", "ITKReader", "PILReader")
_FLOATS = ("float32", "float", "float64", "double")


def load_image(transform: Component, state: Preprocessing) -> None:
    """LoadImage: which scans are read. Its metadata are not needed."""
    reader = transform.take("reader", None)
    if reader is not None and str(reader).rpartition(".")[2] not in _READERS:
        raise transform.refusal(f"with reader = {reader}")
    state.keys = state.loaded = listed(transform.take("keys"))
    transform.ignore(
        "image_only", "ensure_channel_first", "simple_keys", "meta_keys", "meta_key_postfix",
        "overwriting", "prune_meta_pattern", "prune_meta_sep", "allow_missing_keys", "dtype",
        "expanduser",
    )  # fmt: skip


def ensure_channel_first(transform: Component, state: Preprocessing) -> None:
    """EnsureChannelFirst: Tessera's channels are always first. Images that it leaves out, such as
    reference labels, are no input."""
    keys = listed(transform.take("keys"))
    if not set(keys) <= set(state.keys):
        raise transform.refusal(f"for the keys {', '.join(keys)} of {', '.join(state.keys)}")
    state.keys = state.loaded = keys
    transform.ignore("strict_check", "channel_dim", "allow_missing_keys")


def ensure_type(transform: Component, state: Preprocessing) -> None:
    """EnsureType, CastToType, ToTensor: values are float32 in Tessera."""
    state.check_keys(transform)
    for dtype in listed(transform.take("dtype", None)):
        name = dtype.name if isinstance(dtype, Symbol) else str(dtype).rpartition(".")[2]
        if dtype is not None and name not in _FLOATS:
            raise transform.refusal(f"with dtype = {name}")
    transform.ignore("data_type", "device", "wrap_sequence", "track_meta", "drop_meta")


def concat_items(transform: Component, state: Preprocessing) -> None:
    """ConcatItems: several images become the channels of one, in this order."""
    keys = listed(transform.take("keys"))
    if sorted(keys) != sorted(state.keys):
        raise transform.refusal(f"for the keys {', '.join(keys)} of {', '.join(state.keys)}")
    transform.expect(dim=0)
    transform.ignore("allow_missing_keys")
    state.loaded, state.keys = keys, [str(transform.take("name"))]


def nothing(transform: Component, _state: Preprocessing) -> None:
    """Transforms that change no value."""
    transform.ignore("keys", "name", "sep", "use_re", "prefix", "data_shape", "value_range")
