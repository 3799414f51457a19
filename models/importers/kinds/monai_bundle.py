"""Bundles of MONAI: a folder or zip with configurations and weights."""

from pathlib import Path

from models.importers.importer import ImportedModel, Importer, Report
from models.importers.monai_bundle.options import MonaiOptions


def _recognises(source: Path) -> bool:
    from models.importers.monai_bundle.source_files import is_bundle

    return is_bundle(source)


def _convert(source: Path, options: MonaiOptions, draft: Path, report: Report) -> ImportedModel:
    from models.importers.monai_bundle.convert import convert

    return convert(source, options, draft, report)


IMPORTER = Importer(
    name="monai-bundle",
    title="MONAI bundle",
    source="a folder or zip with configs/metadata.json and configs/inference.json or .yaml",
    recognises=_recognises,
    options=MonaiOptions,
    convert=_convert,
)
