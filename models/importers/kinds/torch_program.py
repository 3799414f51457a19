"""Programs of torch: TorchScript (torch.jit.save) and exported programs (torch.export.save)."""

from pathlib import Path

from models.importers.importer import ImportedModel, Importer, Report
from models.importers.torch_program.options import TorchProgramOptions
from models.importers.torch_program.recognise import is_exported_program, is_torchscript


def _recognises(source: Path) -> bool:
    return is_torchscript(source) or is_exported_program(source)


def _convert(
    source: Path, options: TorchProgramOptions, draft: Path, report: Report
) -> ImportedModel:
    from models.importers.torch_program.convert import convert

    return convert(source, options, draft, report)


IMPORTER = Importer(
    name="torch-program",
    title="TorchScript or exported program",
    source="a TorchScript or .pt2 file",
    recognises=_recognises,
    options=TorchProgramOptions,
    convert=_convert,
)
