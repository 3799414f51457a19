"""Text of a file, for names: one line that shows what it holds."""


def printable(text: str, most: int | None = None) -> str:
    """The printable characters: no line ends, and none that reverse what follows (U+202E).

    `most`: largest number of characters.
    """
    return "".join(c for c in text if c.isprintable()).strip()[:most]
