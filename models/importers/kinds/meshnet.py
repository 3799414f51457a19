"""MeshNets of brainchop: TensorFlow.js layers models, or a layer list with a state dict."""

from pathlib import Path

from models.importers.importer import ImportedModel, Importer, Report
from models.importers.meshnet.options import MeshNetOptions


def _recognises(source: Path) -> bool:
    from models.importers.meshnet.convert import recognises

    return recognises(source)


def _convert(source: Path, options: MeshNetOptions, draft: Path, report: Report) -> ImportedModel:
    from models.importers.meshnet.convert import convert

    return convert(source, options, draft, report)


IMPORTER = Importer(
    name="meshnet",
    title="MeshNet (brainchop)",
    source="a folder with model.json and model.bin or model.pth",
    recognises=_recognises,
    options=MeshNetOptions,
    convert=_convert,
)
