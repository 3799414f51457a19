"""The licence that a source's own licence file names. Torch-free."""

from pathlib import Path

_FIRST_WORDS = {
    "mit license": "MIT",
    "apache license": "Apache-2.0",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "creative commons attribution 4.0 international": "CC-BY-4.0",
    "attribution 4.0 international": "CC-BY-4.0",
    "attribution-noncommercial 4.0 international": "CC-BY-NC-4.0",
}
_NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")


def licence_beside(folder: Path) -> str | None:
    """SPDX identifier of the licence file in `folder`, or in the folder above it; None without a
    file, or where its first line is not known."""
    for place in (folder, folder.resolve().parent):
        for name in _NAMES:
            try:
                with (place / name).open("rb") as file:
                    text = file.read(200).decode("utf-8", "replace")
            except OSError:
                continue
            first = next((line for line in text.splitlines() if line.strip()), "")
            return _FIRST_WORDS.get(" ".join(first.strip("# ").lower().split()))
    return None
