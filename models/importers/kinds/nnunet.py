"""nnU-Net v2: a results folder, or the zip that nnUNetv2_export_model_to_zip writes."""

from pathlib import Path

from models.importers.importer import ImportedModel, Importer, Report
from models.importers.nnunet.options import NnunetOptions


def _recognises(source: Path) -> bool:
    from tempfile import gettempdir

    from models.importers.nnunet.source_files import model_folders, source_files

    return bool(model_folders(source_files(source, Path(gettempdir())).names()))


def _convert(source: Path, options: NnunetOptions, draft: Path, report: Report) -> ImportedModel:
    from models.importers.nnunet.convert import convert

    return convert(source, options, draft, report)


IMPORTER = Importer(
    name="nnunet",
    title="nnU-Net v2",
    source="a results folder of nnU-Net, with plans.json, dataset.json and "
    "fold_*/checkpoint_*.pth, or the zip that nnUNetv2_export_model_to_zip wrote",
    recognises=_recognises,
    options=NnunetOptions,
    convert=_convert,
)
