"""Recognises a runtime's error that means: not enough memory."""

import re

_NAMES = re.compile(r"name:\s*'[^']*'|hostname=\S*")
"""Names of layers and hosts: a network may well have a layer called memory."""
_FAULTS = ("illegal memory access", "cudaerrorillegaladdress", "misaligned address")
"""Errors of a broken kernel. They name allocators too, but a smaller tile does not help."""


def is_out_of_memory(error: Exception) -> bool:
    """Searches the text, since runtimes have no error type for it: they mention bad_alloc, a buffer
    that could not be allocated, CUDA out of memory, cudaErrorMemoryAllocation or
    CUBLAS_STATUS_ALLOC_FAILED."""
    if isinstance(error, MemoryError):
        return True
    text = _NAMES.sub("", str(error).lower())
    if any(fault in text for fault in _FAULTS):
        return False
    return "alloc" in text or "memory" in text
