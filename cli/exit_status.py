"""How a command ends that cannot do what it was asked to."""

BAD_INPUT_STATUS = 2
"""Exit status where the caller's data, options or settings are the reason."""
SOME_FAILED_STATUS = 3
"""Exit status of `tessera batch` where it has ended and some scans have failed."""
ERROR_PREFIX = "Error: "
"""Beginning of the line on stderr that says why."""
