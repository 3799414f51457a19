"""Programs that a test runs to their end."""

import subprocess
from collections.abc import Sequence
from typing import Any


def run(
    command: Sequence[object], *, check: bool = True, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Runs a program and returns it with its output; with `check`, an error shows that output."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done
