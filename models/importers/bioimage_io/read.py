"""Reads a package's description. Torch-free; needs PyYAML."""

import re
from typing import Any

import yaml
from pydantic import ValidationError

from models.importers.bioimage_io import format_0_4, format_0_5
from models.importers.bioimage_io.description import Description
from models.importers.bioimage_io.refusals import damaged, unsupported
from models.importers.bioimage_io.source_files import LARGEST_DESCRIPTION_BYTES, PackageFiles

_FORMATS = {"0.4": format_0_4.described, "0.5": format_0_5.described}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Also reads 1e-06 as a number, as YAML 1.2 and the authors of descriptions do."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read_description(package: PackageFiles) -> Description:
    """Raises BadModel where it is damaged, of another format, or of something else than a model
    with one input and one output."""
    content = _content(package)
    if content.get("type") != "model":
        raise unsupported(
            f"The package describes a resource of the type {content.get('type')}.", "A model."
        )
    version = ".".join(str(content.get("format_version")).split(".")[:2])
    if version not in _FORMATS:
        raise unsupported(
            f"The description has the format {content.get('format_version')}.",
            f"One of the formats {' and '.join(_FORMATS)}, which bioimageio.spec converts to.",
        )
    try:
        return _FORMATS[version](content)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise damaged(f"{place} of {package.description} is not valid: {fault['msg']}.") from error


def _content(package: PackageFiles) -> dict[str, Any]:
    path = package.root / package.description
    if path.stat().st_size > LARGEST_DESCRIPTION_BYTES:
        raise damaged(f"{package.description} is larger than 4 MiB.")
    try:
        content = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 it derives from SafeLoader
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise damaged(f"{package.description} is not valid YAML.") from error
    if not isinstance(content, dict):
        raise damaged(f"{package.description} is no mapping.")
    return content
