"""Where the masks of a batch are written: OUT/masks, in folders like those of the scans."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from cli.batch.entry import Entry
from cli.mask_targets import MaskTarget
from imaging.formats import registry

MASKS = "masks"
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*]')
_ENDINGS = sorted(
    {end for one in (*registry.SCAN_FORMATS, *registry.MASK_FORMATS) for end in one.endings},
    key=len,
    reverse=True,
)
_HASH_DIGITS = 8


def mask_targets_of(
    entries: Sequence[Entry], out: Path, mask_format: str | None
) -> list[MaskTarget]:
    """A target for each entry. Where two would have the same path (`a.nii` and `a.nii.gz`, or names
    that differ only in case), a hash of its id is added to each."""
    ending = registry.mask_format(mask_format).endings[0] if mask_format else None
    targets = [_target(entry.id, out / MASKS, ending) for entry in entries]
    counts = Counter(_place(target) for target in targets)
    return [
        target if counts[_place(target)] == 1 else _told_apart(target, entry)
        for target, entry in zip(targets, entries, strict=True)
    ]


def _target(name: str, root: Path, ending: str | None) -> MaskTarget:
    parts = [_UNSAFE.sub("_", part).strip() for part in re.split(r"[/\\]", name)]
    *folders, last = [part for part in parts if part.strip(".")] or ["scan"]
    known = next((end for end in _ENDINGS if last.lower().endswith(end)), "")
    return MaskTarget(root.joinpath(*folders), last[: len(last) - len(known)] or last, ending)


def _place(target: MaskTarget) -> tuple[str, str]:
    return str(target.folder).casefold(), target.stem.casefold()


def _told_apart(target: MaskTarget, entry: Entry) -> MaskTarget:
    code = sha256(entry.id.encode(errors="surrogateescape")).hexdigest()[:_HASH_DIGITS]
    return replace(target, stem=f"{target.stem}-{code}")
