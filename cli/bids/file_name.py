"""File names of BIDS: `sub-01_ses-2_run-1_T1w.nii.gz`."""

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cli.mask_targets import stem

ENDINGS = (".nii.gz", ".nii")
_NAME = re.compile(r"(?P<entities>(?:[a-z]+-[A-Za-z0-9+]+_)+)(?P<suffix>[A-Za-z0-9]+)")
_FOLDERS = ("anat", "dwi", "fmap", "func", "perf", "pet", "mrs", "micr")
_DERIVED = ("desc", "label")
"""Entities that a derivative replaces."""
_HASH_DIGITS = 8


@dataclass(frozen=True, slots=True)
class BidsName:
    """The parts of a file name, and of the folder that the file is in."""

    entities: tuple[tuple[str, str], ...]
    """(key, label), in the order of the name; the first is `sub`."""
    suffix: str
    """Such as `T1w`."""
    data_type: str
    """Such as `anat`."""

    @property
    def session(self) -> tuple[tuple[str, str], ...]:
        """The subject, and the session if there is one."""
        return tuple(pair for pair in self.entities if pair[0] in ("sub", "ses"))

    @property
    def folder(self) -> Path:
        """The folder of its files, relative to the data set, such as `sub-01/ses-2/anat`."""
        return Path(*(f"{key}-{label}" for key, label in self.session), self.data_type)

    def derivative(self, description: str) -> str:
        """The name of a segmentation (`dseg`) of this file, without its ending.

        `description`: letters and digits, the label of the entity `desc`. The other entities stay;
        the suffix of the source is left out, as BIDS requires.
        """
        kept = [pair for pair in self.entities if pair[0] not in _DERIVED]
        return "_".join([*(f"{k}-{v}" for k, v in kept), f"desc-{description}", "dseg"])


def parsed_name(path: Path) -> BidsName | None:
    """The parts of a path's name; None where it is not a name of BIDS for an image."""
    ending = next((end for end in ENDINGS if path.name.endswith(end)), None)
    match = _NAME.fullmatch(path.name.removesuffix(ending)) if ending else None
    if match is None:
        return None
    pairs = (entity.partition("-") for entity in match["entities"].rstrip("_").split("_"))
    entities = tuple((key, label) for key, _, label in pairs)
    if entities[0][0] != "sub" or len(dict(entities)) < len(entities):
        return None
    folder = path.parent.name
    return BidsName(entities, match["suffix"], folder if folder in _FOLDERS else "anat")


def name_of(path: Path) -> BidsName:
    """The parts of a path's name; for any other name, a subject that is named after the file.

    Where the name has characters that a label cannot have, a hash of the name is added, so that
    different names give different subjects.
    """
    return parsed_name(path) or BidsName((("sub", _subject(stem(path))),), "scan", "anat")


def _subject(name: str) -> str:
    kept = label(name)
    return kept if kept == name else kept + sha256(os.fsencode(name)).hexdigest()[:_HASH_DIGITS]


def label(text: str) -> str:
    """The letters and digits of a text: what a label of BIDS may consist of."""
    return re.sub("[^A-Za-z0-9]", "", text)
