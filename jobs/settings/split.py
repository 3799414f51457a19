"""Comma-separated values of environment variables."""


def split(value: object) -> object:
    """`a, b` as ("a", "b"); a value that is not text is returned unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
