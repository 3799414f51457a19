"""Reads safetensors files: a JSON header and raw values. Torch-free, and runs no code.

The format (https://huggingface.co/docs/safetensors): the header's length as an unsigned 64-bit
integer, little-endian; the header; the values of each tensor at its `data_offsets`.
"""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadModel

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
_LARGEST_HEADER = 100 << 20
"""The format's own limit, in bytes."""


def is_safetensors(path: Path) -> bool:
    """Whether the file begins with a plausible header."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(9)
    except OSError:
        return False
    length = int.from_bytes(start[:8], "little")
    return len(start) == 9 and start[8:] == b"{" and length <= min(size - 8, _LARGEST_HEADER)


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """All floating-point tensors by name, as float32; raises BadModel for a damaged file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start])
        header.pop("__metadata__", None)
        return {name: _tensor(entry, data[start:]) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModel(
            f"{path.name} is not a complete safetensors file: {error}.",
            expected="The file as it was published.",
            hint="Download the source again.",
        ) from error


def _tensor(entry: Any, data: bytes) -> NDArray[np.float32]:
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"values of the type {entry['dtype']} are not supported")
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    begin, end = (int(offset) for offset in entry["data_offsets"])
    shape = tuple(int(size) for size in entry["shape"])
    if not 0 <= begin <= end <= len(data) or end - begin != prod(shape) * dtype.itemsize:
        raise ValueError("a tensor lies outside the file")
    return np.frombuffer(data[begin:end], dtype).astype(np.float32).reshape(shape)
