"""Models of BioImage.IO: a folder or zip with a description, weights and test tensors."""

from pathlib import Path

from models.importers.bioimage_io.options import BioimageOptions
from models.importers.importer import ImportedModel, Importer, Report


def _recognises(source: Path) -> bool:
    from models.importers.bioimage_io.source_files import is_package

    return is_package(source)


def _convert(source: Path, options: BioimageOptions, draft: Path, report: Report) -> ImportedModel:
    from models.importers.bioimage_io.convert import convert

    return convert(source, options, draft, report)


IMPORTER = Importer(
    name="bioimage-io",
    title="BioImage.IO",
    source="a folder or zip with rdf.yaml or bioimageio.yaml",
    recognises=_recognises,
    options=BioimageOptions,
    convert=_convert,
)
