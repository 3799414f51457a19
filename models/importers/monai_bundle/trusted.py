"""Evaluates a bundle's code, with `--trust` only: MONAI's own parser does it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from imaging.errors import BadModel, TesseraError
from models.importers.monai_bundle.source_files import BundleFiles


class TrustedBundle:
    """The configuration in MONAI's hands: expressions are evaluated, components are made."""

    def __init__(self, files: BundleFiles) -> None:
        from monai.bundle.config_parser import ConfigParser

        self._files = files
        self._parser = ConfigParser()
        self._parser.read_config(str(files.configuration))
        self._parser.read_meta(str(files.root / "configs" / "metadata.json"))
        self._parser["bundle_root"] = str(files.root)

    def evaluate(self, item_id: str) -> Any:
        """The value with this id; raises BadModel where the bundle's code fails."""
        return self._run(item_id, lambda: self._parser.get_parsed_content(item_id))

    def _run(self, item_id: str, run: Callable[[], Any]) -> Any:
        try:
            with _importable(str(self._files.root)):
                return run()
        except TesseraError:
            raise
        except Exception as error:
            lines = str(error).splitlines()
            cause = error.__cause__ or error
            raise BadModel(
                f"{item_id} of the bundle cannot be evaluated: {type(cause).__name__}: "
                f"{(str(cause).splitlines() or lines or [''])[0]}",
                expected="A bundle whose code runs on this machine.",
                hint="Install what it needs, or correct its configuration.",
            ) from error


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    """The bundle's `scripts` can be imported, as `monai.bundle run` allows it."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
