"""The code of a page in `docs/contributing/`, applied to a copy of the tree."""

import re
from pathlib import Path

_PARTS = re.compile(
    r"(?:Create|In|At the end of)\s`(?P<path>[\w/.]+)`|```(?P<kind>python|diff)\n(?P<code>.*?)```",
    re.DOTALL,
)


def code_blocks(page: str) -> list[tuple[str, str, str]]:
    """(path, kind, code) of each block; `kind` is python or diff.

    The path is the last one that the text names with "Create", "In" or "At the end of".
    """
    path, blocks = "", []
    for part in _PARTS.finditer(page):
        path = part["path"] or path
        if part["kind"]:
            blocks.append((path, part["kind"], part["code"]))
    return blocks


def apply_page(page: str, root: Path) -> list[str]:
    """Applies the blocks of a page in their order; returns the paths of the files.

    A diff is inserted at its anchor. Other code becomes a file, or the end of an existing one.
    """
    blocks = code_blocks(page)
    for name, kind, code in blocks:
        path = root / name
        if kind == "diff":
            path.write_text(inserted(path.read_text(), code))
        elif path.exists():
            path.write_text(f"{path.read_text()}\n\n{code}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
    return list(dict.fromkeys(name for name, _, _ in blocks))


def inserted(text: str, diff: str) -> str:
    """`text` with the added lines of a diff, before and after its anchor.

    The anchor is the diff's only line of context: what else stands around it does not matter.
    """
    lines, changes = text.splitlines(), diff.splitlines()
    (at,) = (n for n, line in enumerate(changes) if not line.startswith("+"))
    anchor = changes[at][1:]
    if not changes[at].startswith(" ") or lines.count(anchor) != 1:
        raise ValueError(f"The file has no single line to insert at: {changes[at]!r}")
    position = lines.index(anchor)
    before, after = ([line[1:] for line in part] for part in (changes[:at], changes[at + 1 :]))
    return "\n".join([*lines[:position], *before, anchor, *after, *lines[position + 1 :]]) + "\n"
