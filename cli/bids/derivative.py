"""Writes masks as a BIDS derivative data set.

OUT/dataset_description.json
OUT/sub-01/anat/sub-01_desc-MODEL_dseg.nii.gz    the mask
OUT/sub-01/anat/sub-01_desc-MODEL_dseg.json      its sources, and the model
OUT/sub-01/anat/sub-01_desc-MODEL_dseg.tsv       index, name and colour of each label
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cli.bids.data_set import DESCRIPTION, is_data_set, stated
from cli.bids.existing import GENERATOR, LINK, is_of, is_ours, links_to
from cli.bids.file_name import ENDINGS, label, name_of
from cli.input_scans import InputScan
from cli.mask_targets import MaskTarget
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.mask_description import MaskDescription

_VERSION = "1.10.0"
"""The version of BIDS that the data set follows."""


@dataclass(frozen=True, slots=True)
class BidsDerivative:
    """A derivative data set that masks are written to."""

    root: Path
    description: MaskDescription
    """The labels of the masks, and the model."""
    source: Path | None = None
    """Root of the data set that the scans are from."""

    def __post_init__(self) -> None:
        """Raises BadRequest for a model that numbers objects, and where `root` is another data
        set, or holds masks of other scans."""
        if self.description.instances:
            raise BadRequest(
                f"The model {self.description.algorithm} numbers objects.",
                expected="A model whose masks have a fixed list of labels, as _dseg.tsv needs.",
                hint="Leave --bids out; `tessera batch` has --no-bids.",
            )
        if is_data_set(self.root):
            self._check_root(stated(self.root))

    def _check_root(self, facts: Mapping[str, Any]) -> None:
        """Raises BadRequest unless `facts`, about the output folder, are those of this data set."""
        if not is_ours(facts):
            raise BadRequest(
                "The output folder is a BIDS data set that Tessera did not write.",
                expected="A folder of its own, such as DATASET/derivatives/tessera.",
                hint="Choose another folder with --out.",
            )
        if not links_to(facts, self.root, self.source):
            raise BadRequest(
                "The output folder has masks of another data set, or of scans outside of it.",
                expected="One output folder for each data set, and one for scans outside of them.",
                hint="Choose another folder with --out. If the data set was moved, correct "
                f"DatasetLinks in {DESCRIPTION}.",
            )

    def targets(
        self, grids: Sequence[InputScan], subjects: Sequence[Mapping[str, InputScan]]
    ) -> list[MaskTarget]:
        """Where the mask of each subject is written; `grids`: the scans that masks are named after.

        Raises BadRequest where a mask has the same name, unless its side file states that it was
        made from the same scans of the same data set, by the same model.
        """
        targets = [self._target(grid.path) for grid in grids]
        for target, subject in zip(targets, subjects, strict=True):
            if not self._may_write(target, subject):
                raise BadRequest(
                    f"The mask {target.stem} exists, and was made from another scan, by another "
                    "model, or from a scan outside of a data set.",
                    expected="One scan for each name: BIDS leaves out the suffix (T1w, T2w).",
                    hint="Choose another folder with --out, or delete the mask and its side files.",
                )
        return targets

    def _may_write(self, target: MaskTarget, subject: Mapping[str, InputScan]) -> bool:
        side = target.folder / f"{target.stem}.json"
        mask = side.with_name(f"{target.stem}{ENDINGS[0]}")
        if not (side.exists() or mask.exists()):
            return True
        if not is_data_set(self.root):
            return False  # which data set the sources are in is not known
        return is_of(side, self._sources(subject), self._model_field, self.description.algorithm)

    def _target(self, scan: Path) -> MaskTarget:
        name = name_of(scan)
        supplied = "supplied" if self.description.supplied else ""
        stem = name.derivative(label(self.description.algorithm) + supplied)
        return MaskTarget(self.root / name.folder, stem, ENDINGS[0])

    def write_side_files(
        self, mask: Path, subject: Mapping[str, InputScan], report: Mapping[str, Any]
    ) -> None:
        """Writes what belongs to a mask; `subject`: the scans that it was made from.

        They are written before the mask: a mask whose sources are not stated is never replaced.
        """
        stem = mask.name.removesuffix(ENDINGS[0])
        sources = self._sources(subject)
        facts = {
            **self._origin(report["model"]),
            "Sources": sources,
            **({"SpatialReference": sources[0]} if sources else {}),
            "Warnings": report["warnings"],
            "Doubts": report.get("doubts", []),  # an older server states none
            "Uncompared": report.get("uncompared", []),
            "IntendedUse": report["intended_use"],
        }
        if not is_data_set(self.root):
            _write(self.root / DESCRIPTION, _json(self._data_set()))
        _write(mask.with_name(f"{stem}.json"), _json(facts))
        _write(mask.with_name(f"{stem}.tsv"), self._label_table())

    @property
    def _model_field(self) -> str:
        """The field of a side file that describes the model."""
        return "LabelsOfModel" if self.description.supplied else "Model"

    def _origin(self, model: Mapping[str, Any]) -> dict[str, Any]:
        """What made the mask. How a supplied mask was made is not known: `Manual` is left out."""
        if self.description.supplied:
            text = "Segmentation that a user supplied. No neural network made it."
            return {"Description": text, self._model_field: model}
        text = "Segmentation by a neural network."
        return {"Description": text, "Manual": False, self._model_field: model}

    def _sources(self, subject: Mapping[str, InputScan]) -> list[str]:
        """BIDS URIs of the scans; those outside of a data set are not named.

        Links in the data set are not followed: in DataLad, each scan is a link into `.git/annex`.
        """
        if self.source is None:
            return []
        root = Path(os.path.abspath(self.source))  # noqa: PTH100 - without `..`, links kept
        paths = (Path(os.path.abspath(one.path)) for one in subject.values())  # noqa: PTH100
        return [
            f"bids:{LINK}:{path.relative_to(root).as_posix()}"
            for path in paths
            if path.is_relative_to(root)
        ]

    def _label_table(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, delimiter="\t", lineterminator="\n")
        table.writerow(("index", "name", "color"))
        for segment in sorted(self.description.segments, key=lambda one: one.number):
            table.writerow((segment.number, " ".join(segment.name.split()), segment.color))
        return text.getvalue()

    def _data_set(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "Name": "Segmentations by Tessera",
            "BIDSVersion": _VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": GENERATOR, "Version": version("tessera-seg")}],
        }
        if self.source is not None:
            relative = Path(os.path.relpath(self.source.resolve(), self.root.resolve()))
            facts["DatasetLinks"] = {LINK: relative.as_posix()}
        return facts


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        # A name of a folder that is not UTF-8: JSON reads \udcff as Python writes it.
        file.write(text.encode(errors="backslashreplace"))
