"""Whether a runtime's error means that memory did not suffice."""

import re

_NAMES = re.compile(r"name:\s*'[^']*'|hostname=\S*")
"""Of layers and hosts: a network may well have a layer called memory."""
_FAULTS = ("illegal memory access", "cudaerrorillegaladdress", "misaligned address")
"""A broken kernel's; they name allocators, too, and no smaller tile mends them."""


def short_of_memory(error: Exception) -> bool:
    """Runtimes have no type for it: they tell of bad_alloc, of a buffer that they failed to
    allocate, of CUDA out of memory, cudaErrorMemoryAllocation or CUBLAS_STATUS_ALLOC_FAILED."""
    if isinstance(error, MemoryError):
        return True
    text = _NAMES.sub("", str(error).lower())
    if any(fault in text for fault in _FAULTS):
        return False
    return "alloc" in text or "memory" in text
