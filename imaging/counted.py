"""Counts in texts that people read."""


def counted(count: int, one: str, many: str = "") -> str:
    """ "1 file", "1,200 files"; "1 job waits", "2 jobs wait". `many`: if it is not `one` and s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
