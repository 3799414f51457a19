"""manifest.json: what a data set contains, and where it comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.frozen_model import FrozenModel
from imaging.hashes import sha256_of
from models.card_parts import Label, Sha256
from models.data_set.judged_case import Verdict

MANIFEST = "manifest.json"
Side = Literal["training", "held-out"]


class DataSetCase(FrozenModel):
    """One case."""

    name: str
    """A pseudonym: the name of its files without the ending."""
    subject: str
    """A pseudonym; all cases of a subject have the same, and are on one side."""
    side: Side
    """`training`, or `held-out` to measure on."""
    verdict: Verdict
    job: str
    """Id of the job whose mask was judged. It means nothing outside of the installation."""
    review: str
    """Id of the review that decided."""
    model: str
    """Name of the model that made the mask."""
    model_version: str
    model_sha256: Sha256
    files: dict[str, Sha256]
    """SHA-256 of each file, by its path in the data set; the last one is the mask."""

    @property
    def images(self) -> tuple[str, ...]:
        """Paths of the scans, in the order of the channels."""
        return tuple(self.files)[:-1]

    @property
    def label(self) -> str:
        """Path of the mask."""
        return tuple(self.files)[-1]


class Manifest(FrozenModel):
    """The whole data set."""

    format: Literal[1] = 1
    model: str
    """Name of the model whose masks were judged."""
    dimension: Literal[2, 3]
    channels: tuple[str, ...]
    labels: tuple[Label, ...]
    """What the values of the masks mean."""
    instances: bool
    """Whether the masks number objects instead."""
    held_out_share: float
    """Share of all hashes of subjects that is held out."""
    counts: dict[str, int]
    """Cases and subjects of each side, and cases by verdict."""
    left_out: dict[str, int]
    """Reason -> number of judged masks that are not in the data set for it."""
    cases: tuple[DataSetCase, ...]
    """Sorted by name."""

    def of_side(self, side: Side) -> list[DataSetCase]:
        """The cases of one side."""
        return [case for case in self.cases if case.side == side]

    def subjects(self, side: Side) -> int:
        """Number of subjects of one side."""
        return len({case.subject for case in self.of_side(side)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The manifest of a data set's folder; raises BadRequest if there is none."""
        try:
            return cls.model_validate_json((folder / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise BadRequest(
                "The folder is no complete data set of judged masks.",
                expected=f"A folder with {MANIFEST}, as `tessera dataset export` writes it.",
                hint="Export the data set again; an interrupted export continues.",
            ) from error

    def save(self, folder: Path) -> None:
        """Writes manifest.json, complete or not at all."""
        with replacing(folder / MANIFEST) as file:
            file.write(self.model_dump_json(indent=2).encode() + b"\n")

    def check_files(self, folder: Path) -> None:
        """Raises BadRequest if a file is missing or was changed."""
        for case in self.cases:
            for path, sha256 in case.files.items():
                file = folder / path
                if not file.is_file() or sha256_of(file) != sha256:
                    raise BadRequest(
                        f"A file of the data set is missing or was changed: {path}.",
                        expected=f"The files that {MANIFEST} lists, byte for byte.",
                        hint="Export the data set again into the same folder.",
                    )


def counted(cases: Mapping[str, DataSetCase]) -> dict[str, int]:
    """The counts of these cases."""
    values = tuple(cases.values())
    counts = {"cases": len(values), "subjects": len({case.subject for case in values})}
    for side in ("training", "held-out"):
        name = side.replace("-", "_")
        counts[f"{name}_cases"] = sum(case.side == side for case in values)
        counts[f"{name}_subjects"] = len({case.subject for case in values if case.side == side})
    for verdict in ("accepted", "corrected"):
        counts[verdict] = sum(case.verdict == verdict for case in values)
    return counts
