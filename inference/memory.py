"""How much memory this process takes at most while it does something."""

import re
from collections.abc import Callable
from pathlib import Path

_PROCESS = Path("/proc/self")
_RESET = "5"
"""What sets the highest resident size back to the present one (proc(5), clear_refs)."""


def peak_bytes(step: Callable[[], object]) -> int | None:
    """What `step` takes on top of what is taken already; None where the system does not tell."""
    try:
        (_PROCESS / "clear_refs").write_text(_RESET)
        before = _resident("VmRSS")
        step()
        return max(0, _resident("VmHWM") - before)
    except (OSError, KeyError):
        return None


def _resident(line: str) -> int:
    found = re.findall(r"^(\w+):\s+(\d+) kB$", (_PROCESS / "status").read_text(), re.MULTILINE)
    return int(dict(found)[line]) * 1024
